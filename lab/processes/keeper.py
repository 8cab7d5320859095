"""Starts the lab's processes and ends them, and never anybody else's.

A process is known by its id and the moment the kernel says it started, so a recycled id is never taken for ours. Each
is started in a session of its own and carries the checkout's path in its environment: even when every record of it is
lost, `down` finds it and whatever it started.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
OWNER = "SLUICE_LAB_OWNER"


@dataclass(frozen=True)
class Process:
    """One process: its id, and its start in clock ticks since boot."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether it still runs; one that only waits to be collected by its parent does not."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send a signal, unless the process is gone or its id belongs to another one by now."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)


def _started(pid: int) -> int | None:
    try:
        line = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = line[line.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def process(pid: int) -> Process | None:
    """The process that has this id now."""
    started = _started(pid)
    return None if started is None else Process(pid, started)


@dataclass(frozen=True)
class Places:
    """Where a checkout's daemons log and leave their pid files."""

    checkout: Path
    logs: Path
    pids: Path


def mark(checkout: Path) -> dict[str, str]:
    """The variable by which `lab down` finds what belongs to the checkout's lab, also where what started it was killed."""
    return {OWNER: str(checkout)}


def start(name: str, command: Sequence[str], environment: Mapping[str, str], places: Places) -> Process:
    """Start a daemon: own session, output to its log, id and start time to its pid file."""
    # the lab talks to itself only, and a proxy would have nothing but trouble with its addresses
    inherited = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    variables = {**inherited, **environment, **mark(places.checkout)}
    pid = _spawn_orphan(list(command), variables, places.logs / f"{name}.log", places.checkout)
    begun = process(pid) or Process(pid, -1)
    record = {"pid": begun.pid, "started": begun.started, "command": list(command)}
    (places.pids / f"{name}.pid").write_text(json.dumps(record))
    return begun


def _spawn_orphan(command: list[str], variables: dict[str, str], log: Path, folder: Path) -> int:
    """Start a program that is nobody's child by the time it runs, and return its id.

    Envoy asks the kernel to be ended together with its parent, so its parent must be gone before it can ask: hence
    a go-between that forks and ends, and a child that waits for that.
    """
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            os.setsid()
            parent = os.getpid()
            child = os.fork()
            if child == 0:
                _become(command, variables, log, folder, parent)
            os.write(writer, str(child).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        os.waitpid(between, 0)
        return int(answer.read())


def _become(command: list[str], variables: dict[str, str], log: Path, folder: Path, parent: int) -> None:
    try:
        while os.getppid() == parent:
            time.sleep(0.001)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        os.execve(command[0], command, variables)  # noqa: S606  # a shell is just what it does not need
    except OSError as error:
        os.write(2, f"{command[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def recorded(pids: Path) -> dict[str, Process]:
    """What the pid files say: daemon → process, running or not."""
    found = {}
    for file in sorted(pids.glob("*.pid")):
        try:
            record = json.loads(file.read_text())
            found[file.stem] = Process(int(record["pid"]), int(record["started"]))
        except (ValueError, KeyError, OSError):
            continue
    return found


def owned() -> dict[Process, Path]:
    """Every running process that carries a lab's mark → the checkout whose lab it is."""
    found = {}
    mark = OWNER.encode() + b"="
    for folder in PROC.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        owners = [each.removeprefix(mark) for each in variables if each.startswith(mark)]
        if owners and (one := process(int(folder.name))):
            found[one] = Path(os.fsdecode(owners[0]))
    return found


def owned_by(checkout: Path) -> list[Process]:
    """Every running process of this checkout's lab."""
    return [each for each, owner in owned().items() if owner == checkout]


def end(processes: Iterable[Process], grace_s: float) -> list[Process]:
    """Ask them to end, wait up to `grace_s`, then kill; return those that survived even that."""
    running = [each for each in processes if each.alive()]
    for number, patience in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        for each in running:
            each.signal(number)
        running = _wait(running, patience)
    return running


def _wait(running: list[Process], patience: float) -> list[Process]:
    deadline = time.monotonic() + patience
    while (running := [each for each in running if each.alive()]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return running


def tail(log: Path, lines: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
