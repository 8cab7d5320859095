"""What every metrics provider can do."""

from __future__ import annotations

from typing import Protocol

from sluice.measures.series import Selector, Series


class Metrics(Protocol):
    """Answers queries. No answer because there is no data is None or an empty list, never an error."""

    def now(self) -> float:
        """Seconds since the epoch by the provider's clock, which its samples are dated by; ours where it is not known."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        """The raw samples of all series that match, from `start` to `end`, seconds since the epoch.

        Raises:
            TransientError: the provider is down, slow or overloaded.
            InvalidError: it refuses the query.
        """

    async def value(self, query: str) -> float | None:
        """The value of a query now; None where it yields none or NaN.

        Raises:
            TransientError: the provider is down, slow or overloaded.
            InvalidError: it refuses the query.
        """
