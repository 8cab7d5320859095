"""What others ask us to wait."""

from __future__ import annotations

import pytest

from blocks.waits import retry_after


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
