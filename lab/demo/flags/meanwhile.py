"""Something that goes on while the demo does something else, and whose end is waited for later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from lab.errors import LabError

T = TypeVar("T")


class Meanwhile(Generic[T]):
    """An act in a thread of its own; a demo that is stopped does not wait for it."""

    def __init__(self, act: Callable[[], T], name: str) -> None:
        self._act, self._name = act, name
        self._done: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def result(self, within_s: float) -> T:
        """What it returned, or raises what it raised.

        Raises:
            LabError: it goes on for longer than that.
        """
        self._thread.join(within_s)
        if self._error is not None:
            raise self._error
        if not self._done:
            raise LabError(f"{self._name} has not ended after {within_s:.0f} s more")
        return self._done[0]

    def _run(self) -> None:
        try:
            self._done.append(self._act())
        except Exception as error:
            self._error = error
