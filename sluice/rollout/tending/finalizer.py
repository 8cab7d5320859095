"""The finalizer that keeps a Canary until its users are served by its target again. Its name is Flagger's."""

from __future__ import annotations

from typing import Any

FINALIZER = "finalizer.flagger.app"


def finalizers(canary: dict[str, Any], *, wanted: bool) -> dict[str, Any] | None:
    """The patch after which an object waits for it, or waits no longer; None where that is so. Others' stay as they are."""
    before = list(canary["metadata"].get("finalizers") or [])
    if (FINALIZER in before) is wanted:
        return None
    after = [*before, FINALIZER] if wanted else [one for one in before if one != FINALIZER]
    return {"metadata": {"finalizers": after}}
