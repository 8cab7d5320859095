"""The way of a release through git: the commit that names its image, who made it, and what git says when all is over.

It is read from the repository and from the Kustomization's status, not from what sluice says about its deliveries.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.product.application import NAME
from lab.product.deliveries import Measurements
from lab.product.repository import cloned, git
from lab.product.watch import AppliedPoint

DEPLOYMENT = "deployment.yaml"
AGREED_WITHIN_S = 90.0
"""Seconds that git is given to say what runs; a lost rollback is found within a minute."""
POLL_S = 0.5


def way_of(measurements: Measurements, minor: int, pushed: float) -> dict[str, Any]:
    """How the image of a release came, and whether git says what runs now that it is over."""
    application = measurements.application
    image = application.pinned(application.version(minor))
    runs = measurements.cluster.image(f"{NAME}-primary")
    begun = time.monotonic()
    while (named := head_image(measurements.repository)) != runs and time.monotonic() - begun < AGREED_WITHIN_S:
        time.sleep(POLL_S)
    return {
        **arrival(measurements.repository, image, list(measurements.observer.applied), pushed),
        "runs": runs,
        "git_names": named,
        "agreed_after_s": round(time.monotonic() - begun, 2),
    }


def arrival(repository: str, image: str, applied: Sequence[AppliedPoint], since: float) -> dict[str, Any]:
    """The first revision since then that the cluster was brought to and that names the image; empty where none does."""
    with cloned(repository) as work:
        for point in applied:
            commit = point.revision.rpartition(":")[2]
            if point.t < since or image_at(work, commit) != image:
                continue
            author = git(work, "log", "-1", "--format=%an", commit).strip()
            return {"commit": commit, "author": author, "push_to_applied_s": round(point.t - since, 2)}
    return {}


def head_image(repository: str) -> str:
    """The image that git names now."""
    with cloned(repository) as work:
        return image_at(work, "HEAD")


def image_at(work: Path, revision: str) -> str:
    """The image that a revision names; empty where there is no such revision, or no Deployment in it."""
    try:
        deployment = yaml.safe_load(git(work, "show", f"{revision}:{DEPLOYMENT}"))
    except LabError:
        return ""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
