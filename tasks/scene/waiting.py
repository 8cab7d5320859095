"""How long a run has waited for its canary, over all repetitions of the stage: a retry is no new deadline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from weakref import WeakKeyDictionary

from blocks.leases.lease import Lease

_SPENT: WeakKeyDictionary[Lease, float] = WeakKeyDictionary()
"""Seconds that each run has waited in vain, by the lease that it holds. What is paused or gated in between is no waiting."""


@dataclass(slots=True)
class Wait:
    """One repetition of a wait.

    Attributes:
        limit: seconds that all of them may have.
        before: seconds that earlier ones have had.
        over: what was waited for is there: the next wait begins at nothing.
    """

    limit: float = 0.0
    before: float = 0.0
    over: bool = False
    _began: float = field(default_factory=lambda: monotonic())  # noqa: PLW0108 - by the name, which a test's clock has

    @property
    def spent(self) -> float:
        """Seconds waited so far, this time and before."""
        return self.before + monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(self.limit - self.spent, 0.0)


@contextmanager
def waiting(lease: Lease, limit: float) -> Iterator[Wait]:
    """Go on with this run's wait; what it takes counts, whatever it ends in."""
    wait = Wait(limit, _SPENT.get(lease, 0.0))
    try:
        yield wait
    finally:
        _SPENT[lease] = 0.0 if wait.over else wait.spent
