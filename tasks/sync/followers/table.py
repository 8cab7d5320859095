"""The kinds that follow a source. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.sync.followers.base import Follower
from tasks.sync.followers.helm_release import HelmReleaseFollower
from tasks.sync.followers.kustomization import KustomizationFollower

FOLLOWERS: Mapping[str, Follower] = {one.kind: one for one in (KustomizationFollower(), HelmReleaseFollower())}
