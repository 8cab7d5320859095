"""What makes a revision of a workload, and what people call it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def revision_of(workload: dict[str, Any]) -> str:
    """Hash of the pod template as the API server holds it. Ask a kind's own rules: they know what a release sets in it.

    Taken over the JSON that the user's cluster stores, not over a client's typed objects, so that an upgrade of sluice never
    looks like a new revision.
    """
    template = workload["spec"]["template"]
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def version_of(workload: dict[str, Any]) -> str:
    """The tag of the first container's image, or the start of its digest: what people call this revision."""
    containers = workload["spec"]["template"]["spec"].get("containers") or [{}]
    image = containers[0].get("image", "")
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest.removeprefix("sha256:")[:12] or "latest"
