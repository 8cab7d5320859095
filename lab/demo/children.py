"""Starts the demo's programs, keeps their output, and ends what it started, and nothing else."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.errors import LabError

LOAD = Path(__file__).parent.parent / "load"
POLL_S = 0.1
TAIL_LINES = 15


class Child:
    """One program that was started here; its output goes to a file a person can read afterwards."""

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
        log.parent.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = log
        with log.open("wb") as output:
            # A session of its own, so that Ctrl-C reaches the demo first and it can end its children in order.
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for the program to be of use.

        Raises:
            LabError: it ended, or took too long; the message has the end of its log.
        """
        give_up = time.monotonic() + within_s
        while not ready():
            if not self.running:
                raise LabError(f"{self.name} ended with {self._process.returncode} before {what}{self._tail()}")
            if time.monotonic() > give_up:
                raise LabError(f"{self.name}: not {what} within {within_s:.0f} s{self._tail()}")
            time.sleep(POLL_S)

    def stop(self, patience_s: float = 15) -> None:
        """End it, first politely; also what it started and left behind in its own process group."""
        if self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=patience_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=patience_s)

    def _tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        return f" (whole log: {self.log})\n  " + "\n  ".join(lines)
