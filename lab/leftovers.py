"""Lists what a lab has left on this machine. `down` asks it at the end, so that it never claims what is not so.

python -m lab.leftovers     prints one line for each, and exits with 1 if there is any
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from lab.machine import cgroups, chains, lease, network
from lab.paths import LabPaths
from lab.processes import keeper

CNI_RESULTS = Path("/var/lib/cni/results")


def mounts_below(*folders: Path) -> list[str]:
    """What is mounted below these folders, the innermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4].encode().decode("unicode_escape")
        if any(place == str(folder) or place.startswith(f"{folder}/") for folder in folders):
            found.append(place)
    return sorted(found, key=lambda place: place.count("/"), reverse=True)


def cni_results(places: LabPaths) -> list[Path]:
    """What the network plugins remember of our pods, in a folder that all container engines of a machine share."""
    sandboxes = [each.name for each in places.data.glob("containerd/io.containerd.grpc.v1.cri/sandboxes/*")]
    patterns = ["sluice-lab-*", *(f"cni-loopback-{name}-*" for name in sandboxes)]
    return sorted(file for pattern in patterns for file in CNI_RESULTS.glob(pattern))


def everything(places: LabPaths) -> list[str]:
    """One line for each thing that is still there."""
    return list(_remaining(places))


def _remaining(places: LabPaths) -> Iterator[str]:
    for process in keeper.owned_by(places.checkout):
        yield f"process {process.pid}"
    for process in cgroups.pod_processes(places):
        yield f"process {process.pid} of a pod"
    for place in mounts_below(places.home, places.run):
        yield f"mount {place}"
    for folder in cgroups.of_lab(places):
        yield f"cgroup {folder}"
    for name in network.interfaces():
        yield f"interface {name}"
    for result in cni_results(places):
        yield f"file {result}"
    for folder in (places.run, *places.of_one_lab()):
        if folder.exists():
            yield f"file {folder}"
    if (held := lease.read()) and held.checkout == str(places.checkout):
        # without a lease nobody knows whose the chains are, and so none counts as the lab's
        for chain in chains.ours(chains.now(), held.chains):
            yield f"chain {chain}"
        yield f"file {lease.LEASE}"


def main() -> int:
    """The command line."""
    remaining = everything(LabPaths())
    for line in remaining:
        print(line)
    return 1 if remaining else 0


if __name__ == "__main__":
    sys.exit(main())
