"""What others ask us to wait."""

from __future__ import annotations

from itertools import islice

import pytest

from blocks.waits import pauses, retry_after, retrying
from sluice.errors import TerminalError, TransientError


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_seconds_are_taken_and_all_else_is_not(value: str, seconds: float | None) -> None:
    """A date would need the other side's clock; a number that is none must not stop us for ever."""
    assert retry_after({"Retry-After": value}) == seconds


def test_no_header_asks_for_nothing() -> None:
    """We wait as long as we see fit."""
    assert retry_after({}) is None


def test_pauses_grow_to_the_longest_each_by_chance() -> None:
    """Half to one and a half times 1, 2, 4, 5, 5 …; no two series are alike."""
    made = list(islice(pauses(1.0, 5.0), 6))
    assert all(0.5 * middle <= one <= 1.5 * middle for one, middle in zip(made, (1, 2, 4, 5, 5, 5), strict=True))
    assert made != list(islice(pauses(1.0, 5.0), 6))


@pytest.mark.parametrize(("error", "calls"), [(TransientError("away"), 3), (TerminalError("no"), 1)])
async def test_only_what_may_pass_is_asked_again(error: Exception, calls: int) -> None:
    """And then the last error is the caller's."""
    asked = []

    async def ask() -> None:
        async for attempt in retrying(3, 0.001):
            with attempt:
                asked.append(1)
                raise error

    with pytest.raises(type(error)):
        await ask()
    assert len(asked) == calls
