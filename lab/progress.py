"""Says how far a long step is and how long it still takes.

On a terminal that is a bar; anywhere else (a build server, a log file) a plain line now and then, so that nobody has
to guess whether it still works.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 20.0

console = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One plain line."""
    console.print(text, markup=False)


def duration(seconds: float) -> str:
    """About how long: "40 s", "3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


class Steps:
    """Counts the steps of one long job: `with Steps("building", 2786, "packages") as steps: steps.done()`."""

    def __init__(self, title: str, total: int, unit: str) -> None:
        self.title = title
        self.total = total
        self.unit = unit
        self.count = 0
        self._begun = self._said = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __enter__(self) -> Steps:
        if console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total)
        else:
            say(f"{self.title}: {self.total} {self.unit}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if error is None and self.total:
            say(f"{self.title}: done in {duration(time.monotonic() - self._begun)}")

    def done(self) -> None:
        """One step more is done."""
        self.count = min(self.count + 1, self.total)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.count)
            return
        now = time.monotonic()
        if now - self._said >= LINE_EVERY_S:
            self._said = now
            left = (now - self._begun) / self.count * (self.total - self.count)
            say(f"{self.title}: {self.count} of {self.total} {self.unit}, about {duration(left)} left")
