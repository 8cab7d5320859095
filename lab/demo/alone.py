"""Keeps the demo alone on its lab."""

import contextlib
import fcntl
import socket
from collections.abc import Iterator

from lab import ports
from lab.errors import LabError
from lab.paths import LabPaths


@contextlib.contextmanager
def only_demo(places: LabPaths) -> Iterator[None]:
    """Keep a second demo off this lab: both would deliver the same application, and end each other's.

    Raises:
        LabError: one is running, or something else listens where ``sluice up`` will.
    """
    places.home.mkdir(exist_ok=True)
    with (places.home / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise LabError("another demo runs on this lab: wait for it, or end it") from held
        for port in (ports.PREFECT, ports.RECEIVER):
            with socket.socket() as probe:
                if probe.connect_ex((ports.HOST, port)) == 0:
                    raise LabError(f"port {port} is taken, which `sluice up` needs: end what listens there")
        yield
