"""Says whether this machine can host the lab; each thing that is missing is one sentence with the way out."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from lab import paths, ports
from lab.errors import LabError
from lab.machine import chains, lease, network
from lab.paths import LabPaths
from lab.processes import keeper
from lab.programs import build, packages, toolchain
from lab.progress import say

WAY_OUT = "use an existing cluster instead with CONTEXT=name."
BUILD_GIB = 8.0
RUN_GIB = 2.0
CONTROLLERS = ("cpu", "memory", "pids")
PROBE_TIMEOUT_S = 20


class Machine:
    """What the checks ask of the machine; tests put another one in its place."""

    def system(self) -> str:
        """The operating system's name."""
        return platform.system()

    def user(self) -> int:
        """The user's number; 0 is root."""
        return os.geteuid()

    def succeeds(self, *command: str) -> bool:
        """Whether a probe command works."""
        found = toolchain.program(command[0])
        if found is None:
            return False
        try:
            done = subprocess.run([found, *command[1:]], capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0

    def has(self, program: str) -> bool:
        """Whether a program is installed."""
        return packages.present(program)

    def missing_packages(self) -> list[str]:
        """The system packages that are still to be installed."""
        return packages.missing()

    def cgroup_controllers(self) -> set[str]:
        """The cgroup controllers that can be used here, in either version."""
        root = Path("/sys/fs/cgroup")
        unified = root / "cgroup.controllers"
        if unified.exists():
            return set(unified.read_text().split())
        return {name for folder in root.iterdir() for name in folder.name.split(",")} if root.exists() else set()

    def free_gib(self, folder: Path) -> float:
        """Free disk where this folder is, or will be."""
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free / 2**30

    def port_free(self, port: int) -> bool:
        """Whether we could listen there."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ports.HOST, port))
            except OSError as error:
                return error.errno != errno.EADDRINUSE
        return True

    def foreign_kubernetes(self) -> bool:
        """Whether another Kubernetes has its chains in this machine's network rules."""
        return bool(chains.kubernetes())

    def foreign_bridge(self) -> bool:
        """Whether something that no lab made has the name of the lab's bridge."""
        return network.bridge_address() not in ("", network.BRIDGE_ADDRESS)

    def built(self) -> bool:
        """Whether the big build is in the cache."""
        return build.place().is_dir()


def problems(machine: Machine, places: LabPaths) -> list[str]:
    """Everything that keeps the lab from running here; later checks make no sense where an early one fails."""
    for checks in (_basics, _tools, _kernel, _room):
        if found := [f"{each}; {WAY_OUT}" for each in checks(machine, places)]:
            return found
    return []


def _basics(machine: Machine, _: LabPaths) -> Iterator[str]:
    if machine.system() != "Linux":
        yield f"the lab runs real containers and needs Linux, and this is {machine.system()}"
    elif machine.user() != 0:
        yield "the lab makes network interfaces and cgroups and needs root: run it as root"


def _tools(machine: Machine, _: LabPaths) -> Iterator[str]:
    wanted = machine.missing_packages()
    if wanted and not machine.has("apt-get"):
        yield f"{', '.join(wanted)} must be installed and there is no apt-get to do it: install them yourself"


def _kernel(machine: Machine, _: LabPaths) -> Iterator[str]:
    lacking = [name for name in CONTROLLERS if name not in machine.cgroup_controllers()]
    if lacking:
        yield f"the kernel offers no cgroup controller for {', '.join(lacking)}"
    if not machine.succeeds("unshare", "--net", "true"):
        yield "the kernel (or the container this runs in) does not allow new network namespaces"
        return
    # All probes happen in a network namespace of their own, which is gone when they end.
    probes: list[tuple[str, str, Callable[[], bool]]] = [
        ("ip", "bridge interfaces", lambda: _in_namespace(machine, "ip link add probe0 type bridge")),
        ("ip", "veth interfaces", lambda: _in_namespace(machine, "ip link add probe0 type veth peer name probe1")),
        ("iptables", "NAT in iptables", lambda: _in_namespace(machine, f"{NAT_PROBE} -j MASQUERADE")),
    ]
    for program, what, works in probes:
        if machine.has(program) and not works():
            yield f"the kernel lacks {what}"


NAT_PROBE = "iptables -t nat -A POSTROUTING -m comment --comment probe"


def _in_namespace(machine: Machine, command: str) -> bool:
    return machine.succeeds("unshare", "--net", *command.split())


def _room(machine: Machine, places: LabPaths) -> Iterator[str]:
    folders = {"the lab's state": (places.checkout, RUN_GIB)}
    if not machine.built():
        folders["the first build"] = (paths.cache_root(), BUILD_GIB)
    for purpose, (folder, needed) in folders.items():
        free = machine.free_gib(folder)
        if free < needed:
            yield f"{purpose} needs {needed:.0f} GiB of disk at {folder}, and {free:.1f} GiB are free"
    taken = [f"{port} ({who})" for who, port in ports.listening().items() if not machine.port_free(port)]
    if taken:
        yield f"the lab's ports are taken by other programs on this machine: {', '.join(taken)}"
    if machine.foreign_kubernetes():
        yield "another Kubernetes has its network rules (chains named KUBE-…) on this machine"
    if machine.foreign_bridge():
        yield f"an interface named {network.BRIDGE}, which the lab's bridge would have, is there and not the lab's"


def refuse_unfit(places: LabPaths) -> None:
    """Raise with all that is missing."""
    if found := problems(Machine(), places):
        raise LabError("\n".join(found))


def doctor(places: LabPaths) -> int:
    """The command: say what is missing, or that all is well."""
    machine = Machine()
    if keeper.owned_by(places.checkout):
        say("this checkout's lab is running here.")
        return 0
    lease.refuse_second(places.checkout)
    if found := problems(machine, places):
        for each in found:
            say(each)
        return 1
    free = machine.free_gib(paths.cache_root())
    say(f"this machine can host the lab: Linux, root, the kernel's parts and all ports; {free:.0f} GiB of disk free.")
    if not machine.built():
        say("the first `lab up` builds Kubernetes: 5 to 15 minutes on two cores.")
    return 0
