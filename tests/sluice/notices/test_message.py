"""What people learn in chat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.notices.message import LONGEST_TEXT, Occasion, Severity, rollout_message


def test_a_message_says_who_what_and_why() -> None:
    """The notification names the canary, the version, what happened and the reason; nothing of it is a chat's own markup."""
    message = rollout_message(Occasion.ROLLED_BACK, "shop/cart", "1.2.0", "50 % failed", {"Weight reached": "10 %"})
    assert message.text == "shop/cart@1.2.0 rolled back: 50 % failed"
    assert (message.title, message.reason) == ("shop/cart@1.2.0 rolled back", "50 % failed")
    assert message.facts == {"Weight reached": "10 %"}


@pytest.mark.parametrize(
    ("occasion", "severity"),
    [
        (Occasion.STARTED, Severity.INFO),
        (Occasion.GATE_WAITS, Severity.WARN),
        (Occasion.PROMOTED, Severity.INFO),
        (Occasion.ROLLED_BACK, Severity.ERROR),
        (Occasion.SUPERSEDED, Severity.INFO),
    ],
)
def test_every_occasion_has_a_severity(occasion: Occasion, severity: Severity) -> None:
    """A release that was rolled back is an error; one that waits for a person is a warning."""
    assert rollout_message(occasion, "a/b", "1").severity is severity


@given(st.text(max_size=6000))
def test_a_long_reason_is_cut(reason: str) -> None:
    """The line stays one that every chat takes; the whole reason is still there for those that show more."""
    message = rollout_message(Occasion.PROMOTED, "a/b", "1", reason)
    assert len(message.text) <= LONGEST_TEXT
    assert message.reason == reason
