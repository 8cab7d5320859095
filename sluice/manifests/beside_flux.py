"""Who acts on an object of Flux's kinds: sluice, or Flux's own controllers. Never both.

An annotation says so where somebody decided (`sluice migrate flux` writes it); else who wrote its status last does. Flux's
controllers write the status at each interval, so that a fresh entry of theirs in `managedFields` means that they run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluice.durations import seconds

Object = dict[str, Any]
RUN_BY = "sluice.dev/run-by"
"""Annotation: `flux`, or `sluice since 2026-03-14T11:00:00Z`."""
SHARD = "sharding.fluxcd.io/key"
"""Label by which Flux divides objects between its controllers: those without a selector for it act on all, those that are
started with `--watch-label-selector=!sharding.fluxcd.io/key` on what lacks it."""
SHARD_OF_SLUICE = "sluice"
CONTROLLERS = frozenset(
    {
        "source-controller",
        "kustomize-controller",
        "helm-controller",
        "image-reflector-controller",
        "image-automation-controller",
        "notification-controller",
    }
)
INTERVALS = 3
"""Intervals without a word of Flux's controllers after which they are taken for gone."""
LONGEST_SILENCE = 3600.0
"""Seconds after which they are, however long an object's interval is."""
USUAL_INTERVAL = 600.0


def run_by_sluice(now: datetime) -> str:
    """The value of `RUN_BY` for what sluice acts on from now on."""
    return f"sluice since {now.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"


def left_to_flux(item: Object, now: datetime) -> str:
    """Why sluice leaves an object to Flux; empty where it is sluice's to act on.

    Args:
        item: an object of one of Flux's kinds, with its `managedFields`.
        now: with its time zone.
    """
    said = str((item["metadata"].get("annotations") or {}).get(RUN_BY, ""))
    if said == "flux":
        return f"{RUN_BY} says flux"
    known = [
        (str(each["manager"]), _time(each.get("time"))) for each in _statuses(item) if each["manager"] in CONTROLLERS
    ]
    wrote, last = max(known, key=lambda each: each[1], default=("", 0.0))
    since = _time(said.removeprefix("sluice since ")) if said.startswith("sluice") else 0.0
    if not wrote or last <= since or now.timestamp() - last > _patience(item):
        return ""
    return (
        f"Flux's {wrote} is at work on it (its status was written {now.timestamp() - last:.0f} s ago): "
        "`sluice migrate flux` takes a namespace over"
    )


def signs_of_flux(item: Object) -> list[Object]:
    """What `left_to_flux` reads of an object's `managedFields`: a few words, where the whole is a third of its size."""
    entries = [each for each in _statuses(item) if each["manager"] in CONTROLLERS]
    return [{name: each.get(name) for name in ("manager", "time", "subresource")} for each in entries]


def _statuses(item: Object) -> list[Object]:
    entries = item["metadata"].get("managedFields") or []
    return [each for each in entries if each.get("subresource") == "status" and each.get("manager")]


def _patience(item: Object) -> float:
    spec = item.get("spec")
    written = spec.get("interval", USUAL_INTERVAL) if isinstance(spec, dict) else USUAL_INTERVAL
    try:
        interval = seconds(written)
    except (ValueError, TypeError):
        interval = USUAL_INTERVAL
    return min(LONGEST_SILENCE, max(60.0, INTERVALS * interval))


def _time(text: object) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
