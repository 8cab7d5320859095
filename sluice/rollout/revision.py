"""What makes a revision of a workload, and what people call it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sluice.rollout.template.meaning import meaning

Rule = Callable[[dict[str, Any]], str]


def revision_of(workload: dict[str, Any]) -> str:
    """Hash of what matters of a pod template. Ask a kind's own rules: they know what a release sets in it.

    Taken over the JSON that the user's cluster stores, not over a client's typed objects, so that an upgrade of sluice never
    looks like a new revision; and without what an API server fills in, so that the cluster's upgrade does not either.
    """
    return _hash(meaning(workload["spec"]["template"]))


def revision_as_stored(workload: dict[str, Any]) -> str:
    """Hash of the whole template as the API server holds it: the rule of journals that were written before 0.1.0."""
    return _hash(workload["spec"]["template"])


OLDER_RULES: tuple[Rule, ...] = (revision_as_stored,)
"""How sluice made the hash before: a journal that holds such a hash of today's template is about today's revision."""


def _hash(template: Any) -> str:
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def version_of(workload: dict[str, Any]) -> str:
    """The tag of the first container's image, or the start of its digest: what people call this revision."""
    containers = workload["spec"]["template"]["spec"].get("containers") or [{}]
    image = containers[0].get("image", "")
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest.removeprefix("sha256:")[:12] or "latest"
