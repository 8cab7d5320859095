"""What processes cost, by the kernel's account: CPU seconds by group, and the memory that is really theirs (PSS)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
SAMPLE_EVERY_S = 2.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name; empty when the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def parents() -> dict[int, int]:
    """Every process and its parent."""
    found = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            found[int(folder.name)] = int(fields[1])
    return found


def tree(root: int, known: Mapping[int, int], others: Collection[int] = ()) -> set[int]:
    """A process and all below it, without the trees of `others`."""
    found = {root}
    while more := {pid for pid, parent in known.items() if parent in found and pid not in found | {*others}}:
        found |= more
    return found


def cpu_seconds(groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """CPU seconds of each group since its processes began, with what their ended children used."""
    known = parents()
    all_roots = {root for roots in groups.values() for root in roots}
    total = {}
    for name, roots in groups.items():
        ticks = 0
        for root in roots:
            for pid in tree(root, known, all_roots - {root}):
                if fields := _stat(pid):
                    ticks += sum(int(value) for value in fields[11:15])
        total[name] = ticks / TICK
    return total


def machine_seconds() -> dict[str, float]:
    """CPU seconds of the whole machine since it began: busy, and idle."""
    values = [int(word) / TICK for word in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    idle = values[3] + values[4]
    return {"busy": sum(values) - idle, "idle": idle}


def pss_mib(pids: Sequence[int]) -> float:
    """Proportional set size of these processes together, MiB."""
    total = 0
    for pid in pids:
        try:
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return total / 1024


async def peaks(groups: Mapping[str, Sequence[int]], report: Callable[[str, float], None]) -> None:
    """Tell the memory of each group again and again, until cancelled."""
    while True:
        for name, pids in groups.items():
            report(name, pss_mib(pids))
        await asyncio.sleep(SAMPLE_EVERY_S)
