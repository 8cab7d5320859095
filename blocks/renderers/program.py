"""Runs a program over what strangers wrote: shut in, with limits, and with an end to what it may print."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from blocks.renderers import confined
from sluice.errors import InvalidError, TerminalError, TransientError

MIB = 1024**2
SYSTEM = (
    *("/usr", "/lib", "/lib64", "/bin", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf"),
    *("/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/ld.so.cache", "/etc/passwd"),
)
"""What every program may read: itself and its libraries, certificates, and how names are found."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
SAID = 64 * 1024
"""Most bytes that are kept of what a program says on its standard error."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use.

    Attributes:
        seconds: of the clock.
        memory: bytes.
        output: bytes on its standard output.
        file: bytes of one file that it writes.
    """

    seconds: float = 60.0
    memory: int = 1024 * MIB
    output: int = 64 * MIB
    file: int = 256 * MIB

    def of_kernel(self) -> dict[str, int]:
        """As setrlimit has them. Of processor time it may use all processors' for as long as it may run."""
        cpu = int(self.seconds * (os.cpu_count() or 1)) + 1
        return {"RLIMIT_DATA": self.memory, "RLIMIT_FSIZE": self.file, "RLIMIT_CPU": cpu, "RLIMIT_CORE": 0}


@dataclass(frozen=True, slots=True)
class Reach:
    """What one run may reach.

    Attributes:
        read: files and directories that it may read.
        write: directories that it may write into.
        ports: that it may connect to; None for all.
    """

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    ports: tuple[int, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a program.

    Attributes:
        name: what messages call it, and what is to be installed.
        program: its name or path.
        arguments: for it; nothing secret, everybody on the machine sees them.
        environment: all that it sees of ours.
        stdin: what it reads.
        folder: where it starts.
        reach: what it may reach; None to leave it free.
        limits: of it.
    """

    name: str
    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    folder: Path | None = None
    reach: Reach | None = None
    limits: Limits = field(default_factory=Limits)

    async def run(self) -> tuple[int, bytes, str]:
        """Exit code, standard output, and the beginning of what it said on its standard error.

        Raises:
            TerminalError: it is not there.
            InvalidError: it printed more than it may.
            TransientError: it took too long.
        """
        path = shutil.which(self.program)
        if path is None:
            raise TerminalError(f"the program {self.program!r} is not there: install {self.name}")
        process = await asyncio.create_subprocess_exec(
            *self._command(path),
            env=dict(self.environment),
            cwd=self.folder,
            stdin=asyncio.subprocess.PIPE if self.stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.limits.seconds):
                said, out, _ = await asyncio.gather(
                    _beginning(process.stderr), self._output(process.stdout), _fed(process.stdin, self.stdin)
                )
                code = await process.wait()
        except TimeoutError as error:
            raise TransientError(f"{self.name} took more than {self.limits.seconds:g} s") from error
        finally:
            await _ended(process)
        return code, out, said.decode(errors="replace")

    def _command(self, path: str) -> list[str]:
        # A link is as good as the program: what it leads to has to be within reach.
        files = {path, os.path.realpath(path)}
        if self.reach is None:
            return [path, *self.arguments]
        wanted = {
            "limits": self.limits.of_kernel(),
            "read": [*SYSTEM, *files, *map(str, self.reach.read)],
            "write": [*DEVICES, *map(str, self.reach.write)],
            "ports": self.reach.ports,
        }
        return [sys.executable, "-I", "-S", confined.__file__, json.dumps(wanted), path, *self.arguments]

    async def _output(self, stream: asyncio.StreamReader | None) -> bytes:
        out = bytearray()
        while stream and (chunk := await stream.read(MIB)):
            out += chunk
            if len(out) > self.limits.output:
                raise InvalidError(
                    f"{self.name} printed more than {self.limits.output // MIB} MiB: take the source apart"
                )
        return bytes(out)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill it with all that it started. asyncio takes a process for ended when its pipes are empty."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        while stream and await stream.read(MIB):
            pass
    await process.wait()


async def _beginning(stream: asyncio.StreamReader | None) -> bytes:
    kept = bytearray()
    while stream and (chunk := await stream.read(SAID)):
        kept += chunk[: max(0, SAID - len(kept))]
    return bytes(kept)


async def _fed(stream: asyncio.StreamWriter | None, text: bytes) -> None:
    if stream is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.write(text)
            await stream.drain()
        stream.close()
