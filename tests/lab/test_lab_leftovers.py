"""`down` leaves nothing, whatever happened before. Not part of `make test`: it ends the lab that others use."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from lab import leftovers, ports
from lab.machine import cgroups, chains, lease, network
from lab.paths import CHECKOUT, LabPaths
from lab.processes import keeper

pytestmark = pytest.mark.soak

UP_TIMEOUT_S = 3600


def lab(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the lab."""
    arguments = [sys.executable, "-m", "lab", command]
    return subprocess.run(arguments, cwd=CHECKOUT, capture_output=True, text=True, timeout=UP_TIMEOUT_S, check=False)


def traces() -> dict[str, object]:
    """What a lab changes on a machine."""
    rules = [line for tool in network.TABLES for line in network.rules(tool).splitlines() if line.startswith("-A")]
    forwarding = network.run("sysctl", "-n", "net.ipv4.ip_forward")
    return {"rules": rules, "interfaces": sorted(network.run("ip", "-brief", "link").split()), "forward": forwarding}


def nothing() -> None:
    """An orderly end."""


def kill_everything() -> None:
    """kill -9 of every process that carries the lab's mark."""
    for process in keeper.owned_by(CHECKOUT):
        process.signal(signal.SIGKILL)


def lose_all_records() -> None:
    """No pid file and no environment left, as after a careless `rm`."""
    for file in LabPaths().pids.glob("*.pid"):
        file.unlink()
    LabPaths().env_json.unlink()


@pytest.mark.parametrize("accident", [nothing, kill_everything, lose_all_records])
def test_down_leaves_nothing(accident: Callable[[], None]) -> None:
    """Processes, mounts, interfaces, rules, cgroups and files are gone; the machine is as it was."""
    lab("down")
    before = traces()
    assert lab("up").returncode == 0
    accident()
    done = lab("down")
    assert done.returncode == 0, done.stdout
    assert leftovers.everything(LabPaths()) == []
    assert traces() == before
    again = lab("down")
    assert again.returncode == 0
    assert "no lab to take down" in again.stdout


FOREIGN_RULES = "*nat\n:KUBE-FOREIGN - [0:0]\n:CNI-foreign - [0:0]\n-A KUBE-FOREIGN -d 10.96.0.1/32 -j ACCEPT\nCOMMIT\n"


@pytest.fixture
def foreign_pod() -> Iterator[subprocess.Popen[bytes]]:
    """What another Kubernetes has on a machine: a pod's process in a cgroup, and chains."""
    hierarchy = next(each for each in cgroups.hierarchies() if each.name in ("pids", "cgroup"))
    cgroup = hierarchy / "kubepods" / "foreign"
    cgroup.mkdir(parents=True)
    with subprocess.Popen(["sleep", "600"]) as pod:
        (cgroup / "cgroup.procs").write_text(str(pod.pid))
        network.run("iptables-restore", "--noflush", stdin=FOREIGN_RULES)
        yield pod
        pod.kill()
    for folder in (cgroup, cgroup.parent):
        folder.rmdir()
    network.run(
        "iptables-restore", "--noflush", stdin="*nat\n:KUBE-FOREIGN -\n-X KUBE-FOREIGN\n-X CNI-foreign\nCOMMIT\n"
    )


@pytest.fixture
def running_lab() -> Iterator[None]:
    """The lab, from the beginning; at the end the kernel's settings are as before, whatever `down` left of them."""
    lab("down")
    assert lab("up").returncode == 0
    held = lease.read()
    assert held
    yield
    lease.restore_settings(held)


@pytest.mark.usefixtures("running_lab")
def test_another_kubernetes_survives_the_end_of_the_lab(foreign_pod: subprocess.Popen[bytes]) -> None:
    """What came to the machine after the lab did stays, pod, cgroup and chains, and of the lab nothing does."""
    for _ in range(2):
        done = lab("down")
        assert done.returncode == 0, done.stdout
        assert foreign_pod.poll() is None
        assert {name.rpartition("/")[2] for name in chains.every()} == {"KUBE-FOREIGN", "CNI-foreign"}
        assert "-A KUBE-FOREIGN -d 10.96.0.1/32 -j ACCEPT" in network.rules("iptables")
        assert leftovers.everything(LabPaths()) == []


@pytest.mark.parametrize("after_s", [0.7, 2.0, 4.0])
def test_an_up_that_was_killed_is_cleaned_up(after_s: float) -> None:
    """Whatever an `up` had started when it was killed, `down` takes it away, and a new `up` works."""
    lab("down")
    before = traces()
    with subprocess.Popen([sys.executable, "-m", "lab", "up"], cwd=CHECKOUT) as broken:
        with pytest.raises(subprocess.TimeoutExpired):
            broken.wait(after_s)
        broken.kill()
    assert lab("down").returncode == 0
    assert leftovers.everything(LabPaths()) == []
    assert traces() == before
    assert lab("up").returncode == 0


def test_an_up_that_fails_leaves_nothing() -> None:
    """A part that cannot start is named, with the end of its log, and all the others are gone again."""
    lab("down")
    before = traces()
    with socket.socket() as squatter:
        # the kubelet's port is on the lab's own bridge, which the doctor cannot look at before it exists
        squatter.bind(("0.0.0.0", ports.KUBELET))
        squatter.listen()
        done = lab("up")
    assert done.returncode == 1
    assert "kubelet" in done.stdout
    assert leftovers.everything(LabPaths()) == []
    assert traces() == before
