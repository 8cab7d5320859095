"""One process of the installation: started, killed, frozen, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_S = 12.0


class Part:
    """One process of the installation.

    Attributes:
        life: how many times it was started.
        started: when, last, seconds since the epoch.
        wanted: whether it is to run now; what watches over the parts leaves the others alone.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str], folder: Path) -> None:
        self.name, self.log, self.life, self.started, self.wanted = name, log, 0, 0.0, False
        self._command, self._env, self._folder = list(command), dict(env), folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it is started with."""
        return {**os.environ, **self._env}

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; its output goes on in the same log."""
        self.life, self.started, self.wanted = self.life + 1, time.time(), True
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,  # the Prefect server ends when this end of its input does
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self._folder,
                start_new_session=True,
            )

    def says(self, word: str) -> bool:
        """Whether this life has written the word to its log."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return word.encode() in log.read()

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

    def stop(self) -> None:
        """End it politely, and by force where that takes too long."""
        self.ask_to_end()
        if self._process is None:
            return
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
