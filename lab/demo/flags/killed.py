"""A release that ships a bad feature behind a flag: the flag goes off, and the release goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import yaml

from lab.demo.flags.meanwhile import Meanwhile
from lab.demo.flags.service import ADDRESS, NEW, Flags, in_environment
from lab.errors import LabError
from lab.product.application import NAME
from lab.product.deliveries import Measurements, Release
from lab.product.measure import PROMOTED
from lab.product.repository import change
from lab.progress import say

BEHIND_FLAG = Release(5, "flag:50", f"fails 50 % while {NEW} is on", PROMOTED)
STEP = 50
"""Percent of users that its one step has: the chapter is about the flag, and four releases went through five steps."""
WITHIN_S, APPLIED_S, POLL_S = 240.0, 60.0, 0.25


def asks_for_its_flag(work: Path) -> None:
    """Add to the shop's repository where the shop asks for its flag; no release before this one has a feature behind it."""
    container = {"name": NAME, "env": in_environment()}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    file = work / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text())
    kustomization["patches"] = [{"patch": yaml.safe_dump(patch, sort_keys=False)}]
    file.write_text(yaml.safe_dump(kustomization, sort_keys=False))


def release_behind_flag(measurements: Measurements, flags: Flags) -> dict[str, Any]:
    """Name the flag in the Canary, push the image, and say what it did to users.

    Raises:
        LabError: the delivery did not end.
    """
    _announce(measurements)
    say(f"pushing {NAME}:{measurements.application.version(BEHIND_FLAG.minor)} ({BEHIND_FLAG.meaning})")
    off = Meanwhile(lambda: flags.off_at(NEW, time.time() + WITHIN_S), "the look at the flag")
    done = measurements.deliver(BEHIND_FLAG)
    journal = measurements.cluster.canary(NAME).get("status", {}).get("flags") or {}
    switched: dict[str, Any] = next((one for one in journal.get("off", ()) if one.get("key") == NEW), {})
    off_at = off.result(POLL_S) if switched else None
    failed = [one.answered for one in measurements.users.read() if one.failed and one.t >= done["pushed_at"]]
    return {
        **done,
        "flag": NEW,
        "state": journal.get("state", ""),
        "why_off": journal.get("reason", ""),
        "verdict_to_off_s": _after(off_at, switched.get("at")),
        "off_to_last_error_s": _after(max(failed, default=off_at), off_at),
        "off_at_the_end": not flags.on(NEW),
    }


def _announce(measurements: Measurements) -> None:
    """What a team writes next to its next image: which flag comes with it, and where it may be turned off."""
    change(measurements.repository, _name_flag, f"Ship {NEW} behind its flag")
    give_up = time.monotonic() + APPLIED_S
    while not (measurements.cluster.canary(NAME).get("spec") or {}).get("analysis", {}).get("killSwitch"):
        measurements.check()
        if time.monotonic() > give_up:
            raise LabError(f"the Canary has no killSwitch {APPLIED_S:.0f} s after the commit that names it")
        time.sleep(POLL_S)


def _name_flag(work: Path) -> None:
    file = work / "canary.yaml"
    canary = yaml.safe_load(file.read_text())
    canary["metadata"]["annotations"] = {"sluice.dev/flags": NEW}
    analysis = {
        name: one for name, one in canary["spec"]["analysis"].items() if name not in ("stepWeight", "maxWeight")
    }
    service = {"type": "flipt-v2", "address": ADDRESS, "secretRef": {"name": "flipt"}}
    canary["spec"]["analysis"] = {**analysis, "stepWeights": [STEP], "killSwitch": {"service": service}}
    file.write_text(yaml.safe_dump(canary, sort_keys=False))


def _after(moment: float | None, start: float | None) -> float | None:
    return None if moment is None or start is None else round(moment - start, 2)
