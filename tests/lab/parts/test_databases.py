"""PostgreSQL and Redis of the scale bench: new, on the loopback address only, and gone afterwards."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lab import ports
from lab.errors import LabError
from lab.parts import databases
from lab.paths import LabPaths
from lab.processes import keeper

pytestmark = pytest.mark.lab


POSTGRESQL, REDIS = 25432, 26379
"""Not the bench's: one may be running."""


@pytest.fixture
def places(tmp_path: Path) -> LabPaths:
    """A checkout of its own, in a folder that only root may enter, as root's home is."""
    home = tmp_path / "private"
    home.mkdir(mode=0o700)
    found = LabPaths(home)
    for folder in (found.logs, found.data):
        folder.mkdir(parents=True)
    databases.install()
    return found


def test_both_serve_and_end(places: LabPaths) -> None:
    running = [databases.start_postgresql(places, POSTGRESQL), databases.start_redis(places, REDIS)]
    try:
        with socket.create_connection((ports.HOST, REDIS), timeout=5) as redis:
            redis.sendall(b"PING\r\n")
            assert redis.recv(100).startswith(b"+PONG")
        with socket.create_connection((ports.HOST, POSTGRESQL), timeout=5):
            pass
    finally:
        for each in running:
            each.stop()

    assert not any(each.process.alive() for each in running)


def test_neither_runs_as_root_and_lab_down_finds_both(places: LabPaths) -> None:
    running = [databases.start_postgresql(places, POSTGRESQL), databases.start_redis(places, REDIS)]
    try:
        users = [Path(f"/proc/{each.process.pid}").stat().st_uid for each in running]
        marked = keeper.owned_by(places.checkout)
    finally:
        for each in running:
            each.stop()

    assert 0 not in users
    assert all(each.process in marked for each in running)


def test_a_port_that_is_taken_is_said(places: LabPaths) -> None:
    running = databases.start_redis(places, REDIS)
    try:
        with pytest.raises(LabError, match=str(REDIS)):
            databases.start_redis(places, REDIS)
    finally:
        running.stop()
