"""The cgroups of one lab's pods, below a root of the lab's own.

The kubelet puts pods below a root that its configuration names. Another Kubernetes on the machine uses `kubepods`, so a
root of our own keeps its pods and the lab's apart.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lab.paths import LabPaths
from lab.processes import keeper

ROOT = Path("/sys/fs/cgroup")
CPUSET = ("cpuset.cpus", "cpuset.mems")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Where cgroups are made: one folder in version 2, one for each group of controllers in version 1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    return sorted({folder.resolve() for folder in root.iterdir() if (folder / "cgroup.procs").exists()})


def make(places: LabPaths, root: Path = ROOT) -> None:
    """The lab's root, in every hierarchy: the kubelet refuses to start where it is missing in one."""
    for hierarchy in hierarchies(root):
        _hand_down_controllers(hierarchy)
        folder = hierarchy / places.cgroup
        folder.mkdir(exist_ok=True)
        for name in CPUSET:
            # in version 1 a new cpuset is empty and takes no process
            if (hierarchy / name).exists():
                (folder / name).write_text((hierarchy / name).read_text())


def _hand_down_controllers(hierarchy: Path) -> None:
    """In version 2 a cgroup has the controllers that the one above hands down; a kubelet does so for `kubepods`."""
    offered = hierarchy / "cgroup.controllers"
    for name in offered.read_text().split() if offered.exists() else ():
        with contextlib.suppress(OSError):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{name}")


def another_kubelet(root: Path = ROOT) -> bool:
    """Whether the machine has the cgroups that every other kubelet puts its pods in."""
    return any((each / name).exists() for each in hierarchies(root) for name in ("kubepods", "kubepods.slice"))


def of_lab(places: LabPaths, root: Path = ROOT) -> list[Path]:
    """Every cgroup of this checkout's lab, the innermost first."""
    found = [Path(folder) for each in hierarchies(root) for folder, _, _ in os.walk(each / places.cgroup)]
    return sorted(found, key=lambda folder: len(folder.parts), reverse=True)


def pod_processes(places: LabPaths) -> list[keeper.Process]:
    """What runs in the pods of this checkout's lab."""
    numbers: set[int] = set()
    for folder in of_lab(places):
        with contextlib.suppress(OSError):
            numbers.update(int(word) for word in (folder / "cgroup.procs").read_text().split())
    return [each for each in map(keeper.process, sorted(numbers)) if each]
