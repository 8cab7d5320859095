"""A program that is started here and ends with what started it; it may be killed, frozen and started again meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from lab.errors import LabError
from lab.processes import keeper

POLL_S = 0.1
PATIENCE_S = 15.0
TAIL_LINES = 15


class Child:
    """One program; its output goes to a file that a person can read afterwards, and goes on there in every life.

    Attributes:
        life: how many times it was started.
        wanted: whether it is to run now; what watches over the parts leaves the others alone.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        stdin: int = subprocess.DEVNULL,
        folder: Path | None = None,
    ) -> None:
        self.name, self.log, self.life, self.wanted = name, log, 0, False
        self._command, self._env, self._folder, self._stdin = [str(part) for part in command], env or {}, folder, stdin
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @classmethod
    def started(
        cls,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        *,
        stdin: int = subprocess.DEVNULL,
        folder: Path | None = None,
    ) -> Self:
        """A program that runs already."""
        child = cls(name, command, log, env, stdin=stdin, folder=folder)
        child.start()
        return child

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it is started with."""
        return {**os.environ, **self._env}

    @property
    def pid(self) -> int:
        if self._process is None:
            raise LabError(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, for the first time or again."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab" if self.life else "wb") as output:
            self._log_start = output.tell()
            # A session of its own, so that Ctrl-C reaches what started it first and it can end its children in order.
            self._process = subprocess.Popen(
                self._command,
                stdin=self._stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self._folder,
                start_new_session=True,
            )
        self.life, self.wanted = self.life + 1, True

    def says(self, word: str) -> bool:
        """Whether this life has written the word to its log."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return word.encode() in log.read()

    def wait_until(self, ready: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for the program to be of use.

        Raises:
            LabError: it ended, or took too long; the message has the end of its log.
        """
        give_up = time.monotonic() + within_s
        while not ready():
            if not self.running:
                code = self._process.returncode if self._process else "nothing"
                raise LabError(f"{self.name} ended with {code} before {what}{self._tail()}")
            if time.monotonic() > give_up:
                raise LabError(f"{self.name}: not {what} within {within_s:.0f} s{self._tail()}")
            time.sleep(POLL_S)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self.wanted = False
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait(PATIENCE_S)

    def ask_to_end(self) -> None:
        """SIGTERM, also to one that is stopped."""
        self.wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)

    def stop(self, patience_s: float = PATIENCE_S) -> None:
        """End it, first politely; also what it started and left behind in its own process group."""
        self.ask_to_end()
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patience_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=patience_s)

    def _tail(self) -> str:
        lines = keeper.tail(self.log, TAIL_LINES).splitlines()
        return f" (whole log: {self.log})\n  " + "\n  ".join(lines)
