"""The doctor says in one sentence what is missing, and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import doctor, ports
from lab.paths import LabPaths


class FakeMachine(doctor.Machine):
    """A machine that can host the lab, but for what a test takes away from it."""

    def __init__(self) -> None:
        self.name = "Linux"
        self.uid = 0
        self.failing = ""
        self.packages: list[str] = []
        self.programs = {"apt-get", "ip", "iptables"}
        self.controllers = {"cpu", "memory", "pids"}
        self.gib = 100.0
        self.taken: set[int] = set()
        self.foreign = False
        self.bridge = False
        self.is_built = True

    def system(self) -> str:
        return self.name

    def user(self) -> int:
        return self.uid

    def succeeds(self, *command: str) -> bool:
        return not (self.failing and self.failing in " ".join(command))

    def has(self, program: str) -> bool:
        return program in self.programs

    def missing_packages(self) -> list[str]:
        return self.packages

    def cgroup_controllers(self) -> set[str]:
        return self.controllers

    def free_gib(self, folder: Path) -> float:
        return self.gib

    def port_free(self, port: int) -> bool:
        return port not in self.taken

    def foreign_kubernetes(self) -> bool:
        return self.foreign

    def foreign_bridge(self) -> bool:
        return self.bridge

    def built(self) -> bool:
        return self.is_built


CASES: list[tuple[dict[str, object], str]] = [
    ({"name": "Darwin"}, "needs Linux, and this is Darwin"),
    ({"uid": 1000}, "needs root"),
    ({"packages": ["containerd"], "programs": set()}, "containerd must be installed and there is no apt-get"),
    ({"controllers": {"cpu", "pids"}}, "no cgroup controller for memory"),
    ({"failing": "unshare --net true"}, "network namespaces"),
    ({"failing": "type bridge"}, "the kernel lacks bridge interfaces"),
    ({"failing": "type veth"}, "the kernel lacks veth interfaces"),
    ({"failing": "MASQUERADE"}, "the kernel lacks NAT in iptables"),
    ({"gib": 1.5}, "needs 2 GiB of disk"),
    ({"gib": 3.0, "is_built": False}, "the first build needs 8 GiB of disk"),
    ({"taken": {ports.REGISTRY}}, f"{ports.REGISTRY} (registry)"),
    ({"foreign": True}, "another Kubernetes"),
    ({"bridge": True}, "an interface named lab0"),
]


@pytest.mark.parametrize(("lacking", "said"), CASES, ids=[said for _, said in CASES])
def test_each_lack_is_one_sentence_with_the_way_out(lacking: dict[str, object], said: str, tmp_path: Path) -> None:
    """Whatever the machine lacks is named once, with the existing cluster as the alternative."""
    machine = FakeMachine()
    for name, value in lacking.items():
        setattr(machine, name, value)
    (problem,) = doctor.problems(machine, LabPaths(tmp_path))
    assert said in problem
    assert "CONTEXT=name" in problem
    assert "\n" not in problem
    assert problem.count(". ") == 0


def test_a_fit_machine_has_no_problem(tmp_path: Path) -> None:
    """Nothing is invented where nothing is missing."""
    assert doctor.problems(FakeMachine(), LabPaths(tmp_path)) == []


def test_the_ports_do_not_collide_with_each_other() -> None:
    """No two parts of the lab want the same port."""
    listening = list(ports.listening().values())
    assert len(listening) == len(set(listening))
    assert not {ports.RECEIVER, ports.PREFECT} & set(listening)
