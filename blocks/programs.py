"""A program of this machine, run once: with a limit of time, and ended with all that it started where it takes longer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code.
        out: what it wrote on its output.
        said: what it wrote on its error output; empty where nobody asked for that.
    """

    code: int
    out: bytes
    said: bytes


async def ended(
    command: Sequence[str],
    environment: Mapping[str, str],
    within: float,
    *,
    folder: Path | None = None,
    stdin: bytes = b"",
    errors: bool = False,
) -> Ended:
    """Run a program to its end. For those that write little: all of it is kept.

    Args:
        command: the program and its arguments.
        environment: all that it gets of one.
        within: seconds for all of it.
        folder: where it runs; None for here.
        stdin: what it reads.
        errors: whether its error output is read. One that leaves a daemon behind may keep that open for ever.

    Raises:
        OSError: it cannot be started; FileNotFoundError where it is not there.
        TimeoutError: it took longer.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=dict(environment),
        stdin=PIPE if stdin else DEVNULL,
        stdout=PIPE,
        stderr=PIPE if errors else DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(within):
            out, said = await process.communicate(stdin or None)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Ended(process.returncode or 0, out, said or b"")
