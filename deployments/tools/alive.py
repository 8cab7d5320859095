"""A sign of life in files, for the probes of a pod: `python -m deployments.tools.alive` fails where it is missing or old.

The event loop that carries all runs writes it, so that a loop that hangs is found out. Nothing outside is asked: a worker
whose Prefect or API server is away goes on as it should, and must not be restarted for that.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

EVERY = 5.0
"""Seconds between two signs."""
OLD = 60.0
"""Seconds after which there should have been another one."""
ALIVE, READY = "alive", "ready"


class SignOfLife:
    """The signs of the part that this process is, in its home folder. Use as a context manager inside its event loop."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._beats: asyncio.TimerHandle | None = None

    def starting(self) -> None:
        """Say that the part does not do its work yet, or no longer."""
        (self._home / READY).unlink(missing_ok=True)

    def ready(self) -> None:
        """Say that the part does its work."""
        (self._home / READY).touch()

    def _beat(self) -> None:
        (self._home / ALIVE).touch()
        self._beats = asyncio.get_running_loop().call_later(EVERY, self._beat)

    def __enter__(self) -> Self:
        self._home.mkdir(parents=True, exist_ok=True)
        self.starting()
        self._beat()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._beats:
            self._beats.cancel()
        self.starting()


def probed(home: Path, what: str) -> str:
    """What is wrong; empty where nothing is.

    Args:
        home: of the part.
        what: `alive`, or `ready`.
    """
    try:
        age = time.time() - (home / what).stat().st_mtime
    except OSError:
        return f"{home / what} is not there"
    return f"the last sign of life is {age:.0f} s old" if what == ALIVE and age > OLD else ""


if __name__ == "__main__":
    wrong = probed(Path(os.environ.get("SLUICE_HOME", ".sluice")), sys.argv[1] if len(sys.argv) > 1 else ALIVE)
    sys.exit(wrong or 0)
