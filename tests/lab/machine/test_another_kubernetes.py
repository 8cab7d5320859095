"""`down` on a machine that runs another Kubernetes: nothing of that is ended or removed.

Each test has a machine of its own, made of namespaces: its network rules, its processes and its /run are nobody
else's, and so these tests disturb neither a lab that is up nor the machine. Only the cgroups are the real machine's.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.machine import cgroups
from lab.paths import CHECKOUT, LabPaths

pytestmark = pytest.mark.lab

TIMEOUT_S = 60
NAMESPACES = ("--net", "--mount", "--pid")
PREPARE = """
set -e
mount -t tmpfs run /run
mount -t tmpfs lib /var/lib
mkdir /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sys /sys
mount --rbind /run/cgroup /sys/fs/cgroup
ip link set lo up
echo ready
exec sleep 600
"""
INTO_CGROUP = 'echo 0 > "$0/cgroup.procs" && exec sleep 600'
LAB_UP = """
from lab.machine import cgroups, chains, lease, network
lease.claim(places.checkout, chains=chains.every())
network.make_bridge()
cgroups.make(places)
"""
DOWN = "from lab.down import down; sys.exit(down(places))"
LEFT = "from lab import leftovers; print(*leftovers.everything(places), sep='\\n')"
OUR_PROXY = """\
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-SEP-OURS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-OURS - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-SEP-OURS -s 198.18.0.10/32 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d 198.19.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-OURS
-A KUBE-SVC-OURS -d 198.19.0.1/32 -p tcp -j KUBE-MARK-MASQ
-A KUBE-SVC-OURS -j KUBE-SEP-OURS
COMMIT
"""
FOREIGN = """\
*nat
:KUBE-FOREIGN - [0:0]
:CNI-foreign - [0:0]
-A POSTROUTING -s 192.0.2.0/24 -j CNI-foreign
-A KUBE-FOREIGN -d 10.96.0.1/32 -j ACCEPT
-A CNI-foreign -d 192.0.2.0/24 -j ACCEPT
COMMIT
"""
FOREIGN_PROXY = """\
*nat
:KUBE-SVC-THEIRS - [0:0]
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-THEIRS
-A KUBE-SVC-THEIRS ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -j KUBE-MARK-MASQ
COMMIT
"""


class Pod:
    """A process in a cgroup, as a kubelet has them."""

    def __init__(self, cgroup: Path, process: subprocess.Popen[bytes]) -> None:
        self.cgroup = cgroup
        self._process = process

    @property
    def alive(self) -> bool:
        """Whether the process runs and is still in its cgroup."""
        return self._process.poll() is None and bool((self.cgroup / "cgroup.procs").read_text().split())


class OwnMachine:
    """A machine of namespaces, with a checkout whose lab may be up on it."""

    def __init__(self, checkout: Path, ending: contextlib.ExitStack) -> None:
        self.places = LabPaths(checkout)
        self._ending = ending
        self._init = subprocess.Popen(
            ["unshare", *NAMESPACES, "--fork", "--mount-proc", "--kill-child", "sh", "-c", PREPARE],
            stdout=subprocess.PIPE,
            text=True,
        )
        ending.callback(self._end)
        assert self._init.stdout is not None
        assert self._init.stdout.readline() == "ready\n"
        (first,) = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        self._enter = ["nsenter", f"--target={first}", *NAMESPACES, "--"]

    def _end(self) -> None:
        self._init.kill()
        self._init.wait(TIMEOUT_S)
        with contextlib.suppress(OSError):
            for folder in cgroups.of_lab(self.places):
                folder.rmdir()

    def run(self, *command: str, stdin: str | None = None) -> str:
        """Run a program there."""
        done = subprocess.run(
            [*self._enter, *command], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def lab(self, code: str, checkout: Path | None = None) -> str:
        """Run code of the lab there, for its checkout or another one."""
        at = (
            "import sys; from pathlib import Path; from lab.paths import LabPaths; places = LabPaths(Path(sys.argv[1]))"
        )
        place = str(checkout or self.places.checkout)
        return self.run("env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-c", f"{at}\n{code}", place)

    def rules(self, *texts: str) -> None:
        """Add rules."""
        for text in texts:
            self.run("iptables-restore", "--noflush", stdin=text)

    def saved(self) -> str:
        """The rules as they are."""
        return self.run("iptables-save", "-t", "nat")

    def pod(self, parent: str) -> Pod:
        """Start a process in a new cgroup below this one."""
        hierarchy = next(each for each in cgroups.hierarchies() if each.name in ("pids", "cgroup"))
        cgroup = hierarchy / parent / f"pod-{uuid.uuid4().hex[:8]}"
        cgroup.mkdir(parents=True)
        self._ending.callback(_remove, cgroup)
        process = subprocess.Popen([*self._enter, "sh", "-c", INTO_CGROUP, str(cgroup)])
        self._ending.callback(_finish, process)
        pod = Pod(cgroup, process)
        deadline = time.monotonic() + TIMEOUT_S
        while not pod.alive:
            assert time.monotonic() < deadline, "the process did not start"
            time.sleep(0.02)
        return pod


def _finish(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(TIMEOUT_S)


def _remove(cgroup: Path) -> None:
    """Remove a cgroup and those above it that are empty now; its processes end with their namespace."""
    deadline = time.monotonic() + TIMEOUT_S
    while cgroup.exists() and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            for process in (cgroup / "cgroup.procs").read_text().split():
                subprocess.run(["kill", "-9", process], check=False, timeout=TIMEOUT_S)
            cgroup.rmdir()
    with contextlib.suppress(OSError):
        for above in cgroup.parents:
            above.rmdir()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[OwnMachine]:
    """A machine on which no lab is up."""
    with contextlib.ExitStack() as ending:
        yield OwnMachine(tmp_path / "checkout", ending)


def test_down_with_no_lab_up_touches_nothing(machine: OwnMachine) -> None:
    """A foreign pod, its cgroup and every chain survive: kube-proxy's own names too, for nobody recorded a lab."""
    pod = machine.pod("kubepods/foreign")
    machine.rules(FOREIGN, OUR_PROXY, FOREIGN_PROXY)
    machine.run("ip", "link", "add", "lab0", "type", "bridge")
    before = machine.saved()
    assert "there is no lab to take down" in machine.lab(DOWN)
    assert pod.alive
    assert _rules(machine.saved()) == _rules(before)
    assert "lab0" in machine.run("ip", "-brief", "link")


def test_down_takes_the_lab_and_leaves_the_other_kubernetes(machine: OwnMachine) -> None:
    """Of the lab nothing is left, of the other nothing is gone; a second time changes nothing."""
    machine.lab(LAB_UP)
    machine.rules(OUR_PROXY, FOREIGN)
    ours, theirs = machine.pod(f"{machine.places.cgroup}/kubepods"), machine.pod("kubepods/foreign")
    for _ in range(2):
        machine.lab(DOWN)
        assert not ours.cgroup.exists()
        assert theirs.alive
        assert _rules(machine.saved()) == {each for each in FOREIGN.splitlines() if each.startswith("-A")}
        assert "KUBE-SERVICES" not in machine.saved()
        assert "lab0" not in machine.run("ip", "-brief", "link")
        assert machine.lab(LEFT).strip() == ""


def test_chains_that_another_kube_proxy_works_in_stay(machine: OwnMachine) -> None:
    """Its Services go on being reached, and only the rules about the lab's own are gone; forwarding stays on."""
    machine.lab(LAB_UP)
    machine.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    machine.rules(OUR_PROXY, FOREIGN_PROXY)
    assert "stay as they are" in machine.lab(DOWN)
    saved = machine.saved()
    assert {each for each in FOREIGN_PROXY.splitlines() if each.startswith("-A")} <= _rules(saved)
    assert "-j KUBE-SERVICES" in saved
    assert "198.1" not in saved
    assert machine.run("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    assert machine.lab(LEFT).strip() == ""


def test_an_abandoned_lab_of_another_checkout_goes_and_nothing_else(machine: OwnMachine, tmp_path: Path) -> None:
    """What it left on the machine is in the way of every lab; a foreign pod is not."""
    other = tmp_path / "other"
    machine.lab(LAB_UP, other)
    machine.rules(OUR_PROXY, FOREIGN)
    abandoned, theirs = machine.pod(f"{LabPaths(other).cgroup}/kubepods"), machine.pod("kubepods/foreign")
    machine.lab(DOWN)
    assert not abandoned.cgroup.exists()
    assert theirs.alive
    assert _rules(machine.saved()) == {each for each in FOREIGN.splitlines() if each.startswith("-A")}


def test_an_up_that_broke_off_at_once_is_cleaned_up(machine: OwnMachine) -> None:
    """Only the lease was written, and the chains from before are in it: they stay."""
    machine.rules(FOREIGN, OUR_PROXY)
    before = machine.saved()
    machine.lab("from lab.machine import chains, lease\nlease.claim(places.checkout, chains=chains.every())")
    machine.lab(DOWN)
    assert _rules(machine.saved()) == _rules(before)
    assert machine.lab(LEFT).strip() == ""


def _rules(saved: str) -> set[str]:
    return {line for line in saved.splitlines() if line.startswith("-A")}
