"""Faults of the lab itself: real, and felt by everybody who uses it. Whatever they take away they bring back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.faults.plan import Fault
from lab.paths import LabPaths
from lab.processes import keeper

VICTIMS = {"contour away": "contour", "prometheus away": "prometheus", "node not ready": "kubelet"}
"""Kind of fault → the lab's process that is stopped for its duration."""


async def strike(fault: Fault) -> None:
    """Do it, and undo it.

    Raises:
        LabError: this lab has no such process.
    """
    places = LabPaths()
    known = keeper.recorded(places.pids)
    if fault.kind == "api server restart":
        await _restart(places, "kube-apiserver", known)
        return
    victim = known.get(VICTIMS[fault.kind])
    if victim is None:
        raise LabError(f"this lab has no {VICTIMS[fault.kind]}")
    victim.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        victim.signal(signal.SIGCONT)


def _as_started(places: LabPaths, name: str, victim: keeper.Process) -> tuple[list[str], dict[str, str]]:
    command = json.loads((places.pids / f"{name}.pid").read_text())["command"]
    lines = Path(f"/proc/{victim.pid}/environ").read_bytes().split(b"\0")
    return command, dict(os.fsdecode(line).split("=", 1) for line in lines if b"=" in line)


async def _restart(places: LabPaths, name: str, known: Mapping[str, keeper.Process]) -> None:
    """SIGKILL, and start it as it was started."""
    victim = known.get(name)
    if victim is None:
        raise LabError(f"this lab has no {name}")
    command, variables = _as_started(places, name, victim)
    victim.signal(signal.SIGKILL)
    while victim.alive():
        await asyncio.sleep(0.05)
    where = keeper.Places(places.checkout, places.logs, places.pids)
    keeper.start(name, command, variables, where)
