"""A flag of Flipt with edits made, in the form that its APIs take: the whole payload of v2, and the parts of v1."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from sluice.flags.flipt.definition import ARCHIVED, Rollout
from sluice.flags.flipt.edits import Edits

THRESHOLD = "THRESHOLD_ROLLOUT_TYPE"


def payload(raw: Mapping[str, Any], made: Edits) -> dict[str, Any]:
    """The payload of v2 with the edits made; what sluice does not know in it stays."""
    new = copy.deepcopy(dict(raw))
    rollouts = list(new.get("rollouts") or [])
    if made.percentage is not None:
        rollouts[made.percentage[0]]["threshold"]["percentage"] = made.percentage[1]
    if made.parts is not None:
        for part in new["rules"][made.parts[0]]["distributions"]:
            part["rollout"] = made.parts[1][part["variant"]]
    if made.lead is not None:
        rollouts.insert(0, rollouts.pop(made.lead))
    if made.drop is not None:
        del rollouts[made.drop]
    first, last = ([threshold(one) | {"type": THRESHOLD}] if one else [] for one in (made.first, made.last))
    new["rollouts"] = [*first, *rollouts, *last]
    if made.enabled is not None:
        new["enabled"] = made.enabled
    if made.archived is not None:
        new["metadata"] = {**(new.get("metadata") or {}), ARCHIVED: made.archived}
    return new


def threshold(rollout: Rollout) -> dict[str, Any]:
    """A rollout by percentage, as v1 and v2 take it."""
    share = {"percentage": rollout.percentage, "value": rollout.value}
    return {"description": rollout.description, "threshold": share}


def switched(raw: Mapping[str, Any], made: Edits) -> dict[str, Any]:
    """What v1 takes to change a flag itself: all that it would else forget, with the switch and the mark of the archive."""
    metadata = dict(raw.get("metadata") or {})
    if made.archived is not None:
        metadata[ARCHIVED] = made.archived
    return {
        "name": raw.get("name") or raw["key"],
        "description": raw.get("description") or "",
        "enabled": bool(raw.get("enabled")) if made.enabled is None else made.enabled,
        "defaultVariantId": (raw.get("defaultVariant") or {}).get("id") or "",
        "metadata": metadata,
    }
