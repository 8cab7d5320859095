"""The condition `Stalled` of a Canary: its runs fail, and why. One cause is one condition, which counts."""

from __future__ import annotations

import re
from typing import Any

Object = dict[str, Any]
TYPE = "Stalled"
_TIMES = re.compile(r" \((\d+) times\)$")


def stalled(conditions: list[Object], reason: str, stamp: str) -> tuple[list[Object], bool]:
    """The conditions with this failure in them, and whether its cause is another one than before.

    Args:
        conditions: of the Canary, as the API server holds them.
        reason: why a run failed. Numbers in it, such as seconds, do not make another cause of it.
        stamp: now, as Kubernetes writes times.
    """
    old = next((one for one in conditions if one.get("type") == TYPE), None)
    before = str(old.get("message", "")) if old else ""
    same = old is not None and _cause(before) == _cause(reason)
    counted = _TIMES.search(before)
    times = (int(counted[1]) if counted else 1) + 1 if same else 1
    condition = {
        "type": TYPE,
        "status": "True",
        "reason": "RunFailed",
        "message": reason if times == 1 else f"{reason} ({times} times)",
        "lastUpdateTime": stamp,
        "lastTransitionTime": (old.get("lastTransitionTime") or stamp) if old and same else stamp,
    }
    return [*(one for one in conditions if one.get("type") != TYPE), condition], not same


def _cause(message: str) -> str:
    return re.sub(r"\d+", "#", _TIMES.sub("", message))
