"""What people ask of a running flow from outside: hold, stop, make room.

A flow may not know what runs it (floors), so it asks here. The worker sets these marks; a flow that runs under no
worker of ours, as in a test, finds marks that nobody ever sets.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class RunSignals:
    """The marks of one run. Plain attributes: reading them costs nothing and is right at any time.

    Attributes:
        paused: somebody pressed Pause and nobody pressed Resume yet. The run's code goes on: it keeps what it has
            reached, keeps looking, and moves nothing forward.
        cancelled: somebody pressed Cancel. The code also gets `asyncio.CancelledError`; this mark tells why, and is
            already set when a run is started only to clean up after a worker that died in the middle of a cancel.
        leaving: this process stops and the same run goes on elsewhere or later. The code also gets
            `asyncio.CancelledError`; nothing must be rolled back.
        called_back: why a service of the user's wants the release rolled back; empty while none does.
        ended: what somebody did to the run from outside, such as setting it to Failed, so that another one carries on.
        lost: set by the code itself before it gives up: another run carries the same Canary, and posts its end.
    """

    paused: bool = False
    cancelled: bool = False
    leaving: bool = False
    lost: bool = False
    ended: str = ""
    called_back: str = ""
    _heard_by: set[asyncio.Future[None]] = field(default_factory=set)

    def call_back(self, why: str) -> None:
        """Have the release rolled back, whatever it waits for."""
        self.called_back = why
        for waiting in self._heard_by:
            if not waiting.done():
                waiting.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """What is done as soon as the release is called back from now on; to be cancelled by who waits for it no longer."""
        waiting = asyncio.get_running_loop().create_future()
        self._heard_by.add(waiting)
        waiting.add_done_callback(self._heard_by.discard)
        return waiting


_current: ContextVar[RunSignals | None] = ContextVar("sluice_run_signals", default=None)


def signals_for_current_run() -> RunSignals:
    """The marks of the run whose code calls this, in the flow itself as in its tasks and subflows."""
    return _current.get() or RunSignals()


def bind(signals: RunSignals) -> None:
    """Make these the marks of the current asyncio task and of all that it starts. For workers."""
    _current.set(signals)
