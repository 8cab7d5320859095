"""One lab per machine: the second checkout is told of the first, and changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.machine import lease
from lab.processes import keeper
from lab.processes.keeper import Places


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout of whose lab a process runs, but of whose lease nothing is left."""
    monkeypatch.setattr(keeper, "OWNER", "SLUICE_LAB_OWNER_IN_TESTS")  # the real lab must not take it for one
    checkout = tmp_path / "first"
    places = Places(checkout, checkout / "logs", checkout / "run")
    places.logs.mkdir(parents=True)
    places.pids.mkdir()
    daemon = keeper.start("daemon", [sys.executable, "-c", "import time; time.sleep(60)"], {}, places)
    while daemon not in keeper.owned():
        pass
    yield checkout
    keeper.end([daemon], grace_s=0)


def test_the_second_checkout_is_told_where_the_first_is(first: Path, tmp_path: Path) -> None:
    """One sentence names the first checkout, how to end its lab, and the alternative."""
    with pytest.raises(LabError) as refused:
        lease.refuse_second(tmp_path / "second")
    assert f"make -C {first} lab-down" in str(refused.value)
    assert "CONTEXT=name" in str(refused.value)
    lease.refuse_second(first)


def test_kernel_settings_come_back(tmp_path: Path) -> None:
    """What the lab changed under /proc/sys is put back; what it never touches is not written."""
    root = tmp_path / "sys"
    forward = root / "net/ipv4/ip_forward"
    forward.parent.mkdir(parents=True)
    forward.write_text("0\n")
    file = tmp_path / "lease.json"
    lease.claim(tmp_path, file, root)
    forward.write_text("1\n")
    held = lease.read(file)
    assert held is not None
    assert held.checkout == str(tmp_path)
    lease.restore_settings(held, root)
    assert forward.read_text() == "0"
    lease.release(file)
    assert lease.read(file) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_lease_is_no_lease(content: str, tmp_path: Path) -> None:
    """A half-written file must not keep the machine from ever having a lab again."""
    file = tmp_path / "lease.json"
    file.write_text(content)
    assert lease.read(file) is None
