"""Runs a part of an installation in a process of its own, so that it does not share the fate of the others.

`sluice up` starts the receiver and the worker so: whatever a rollout does to its process, webhooks are answered.
The settings go to the new process through its standard input, where no list of processes shows them. Its end is kept open:
when this process ends, however it ends, the other one does too and leaves no port, no lock and no run taken.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from pydantic import SecretStr

from deployments.logs import log_to_file
from deployments.server.garbage import search_seldom
from deployments.settings import Settings
from deployments.supervision import end, stop_signal, until
from sluice.errors import TerminalError, TransientError

PARTS = {"receiver": "deployments.doors.serving:receive", "worker": "deployments.runtime:work_apart"}
"""What can be run apart: coroutines of the settings and `ready`, by name, so that each process imports only its own."""
STOP_WITHIN = 20.0
"""Seconds in which a part ends in order (a worker hands on its runs), before it is killed."""
READY, NEVER = "ready", "never"
"""Lines that a part writes: it works; it can never work, and why."""
LAST_WORDS = 2000
"""Bytes of what a part wrote before it ended that are read for a message."""


async def apart(part: str, settings: Settings, ready: Callable[[], None]) -> None:
    """Run a part in a process of its own until cancelled; `ready` is called once it works.

    Raises:
        TransientError: the process ended.
        TerminalError: the part says that it can never work as the settings are.
    """
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    crashes = folder / f"{part}.err"
    with crashes.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deployments.apart", part),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C in the terminal reaches us only, and we stop the parts in order
        )
    try:
        await _hand_over(process, settings)
        await _follow(process, ready)
        raise TransientError(f"the {part} ended with {await process.wait()}: {_last_words(crashes)}")
    finally:
        await end(process, STOP_WITHIN)


async def _hand_over(process: asyncio.subprocess.Process, settings: Settings) -> None:
    if process.stdin is None:
        raise TransientError("the new process has no standard input")
    process.stdin.write(dumped(settings).encode() + b"\n")
    with suppress(ConnectionError):  # it ended already: its exit code says more
        await process.stdin.drain()


async def _follow(process: asyncio.subprocess.Process, ready: Callable[[], None]) -> None:
    """Read what the part reports, until it ends."""
    while process.stdout and (line := (await process.stdout.readline()).decode(errors="replace").strip()):
        word, _, rest = line.partition(" ")
        if word == READY:
            ready()
        elif word == NEVER:
            raise TerminalError(rest)


def _last_words(file: Path) -> str:
    try:
        with file.open("rb") as written:
            written.seek(max(0, file.stat().st_size - LAST_WORDS))
            lines = [line for line in written.read().decode(errors="replace").splitlines() if line.strip()][-1:]
    except OSError:
        lines = []
    return f"{' '.join(lines) or 'it wrote nothing'} (its log: {file.with_suffix('.log')})"


def dumped(settings: Settings) -> str:
    """The settings as JSON, with their secrets: for a pipe, and for nothing else."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return json.dumps({name: _plain(value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


def main() -> None:
    """Run one part in this process: `python -m deployments.apart PART`, the settings on standard input."""
    part = sys.argv[1]
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log_to_file(settings.home, part)
    work: Callable[[Settings, Callable[[], None]], Awaitable[None]] = resolve_name(PARTS[part])

    def works() -> None:
        _report(READY)
        search_seldom()

    async def run() -> None:
        with stop_signal() as stop:
            await until(stop, work(settings, works))

    try:
        asyncio.run(run())
    except TerminalError as error:
        _report(f"{NEVER} {' '.join(str(error).split())}")
        os._exit(1)
    except Exception:
        logging.getLogger("sluice").exception("The %s ends", part)
        raise
    os._exit(0)  # all has been stopped in order; threads of Prefect's would hold the exit while its API is away


def _report(line: str) -> None:
    with suppress(OSError):
        os.write(1, line.encode() + b"\n")


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)  # as if it had been in the same process: the next life resumes what was under way


if __name__ == "__main__":
    main()
