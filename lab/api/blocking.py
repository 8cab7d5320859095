"""A client of the Kubernetes API for code that is not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from lab.api.access import Access
from lab.api.client import Api

T = TypeVar("T")


class BlockingApi:
    """A connection that waits for each answer, without a thread. Use as a context manager, or close it."""

    def __init__(self, access: Access) -> None:
        # a factory keeps the runner from making its loop the thread's own
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.api = Api(access)
        self.do(self.api.__aenter__())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        """Make a call and return its answer."""
        return self._runner.run(call)

    def close(self) -> None:
        """End the connection."""
        self.do(self.api.__aexit__(None, None, None))
        self._runner.close()
