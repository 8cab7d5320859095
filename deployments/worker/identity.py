"""Who holds a flow run: a worker's name, and which life of it.

A worker that starts resumes what an earlier life of its name left behind. That is right only if that life is over, so
a name is owned with a lock of the operating system, which ends with the process however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun

from sluice.errors import TerminalError

CLAIM = "claimed by "
"""Begins the message of the Pending state with which a worker claims a run."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One life of a worker; written on the runs it holds as `name:pid:life`."""

    name: str
    pid: int
    life: str

    @classmethod
    def new(cls, name: str) -> Self:
        """The identity of this process under a name."""
        return cls(name, os.getpid(), uuid4().hex[:12])

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """The identity that a text holds, None where it holds none."""
        name, _, rest = (text or "").partition(":")
        pid, _, life = rest.partition(":")
        return cls(name, int(pid), life) if name and pid.isdigit() and life else None

    def __str__(self) -> str:
        return f"{self.name}:{self.pid}:{self.life}"


def holder(flow_run: FlowRun) -> Identity | None:
    """Who holds a run. The claim counts first: it is written in one step with the state, the mark on the run later."""
    state = flow_run.state
    message = state.message if state and (state.is_pending() or state.is_running()) else None
    if message and message.startswith(CLAIM):
        return Identity.parse(message.removeprefix(CLAIM))
    return Identity.parse(flow_run.infrastructure_pid)


@contextmanager
def only_one(home: Path, what: str, way_out: str) -> Iterator[None]:
    """Hold the name `what` on this machine while inside the block.

    Raises:
        TerminalError: a living process holds it; the message ends with `way_out`.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{what}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            pid = lock.read().strip() or "?"
            raise TerminalError(f"{what} runs already in {home} (process {pid}): {way_out}") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
