"""docs/senders.md has every sender, with its address and its setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.events.senders.table import SENDERS

TEXT = (Path(__file__).parents[2] / "docs" / "senders.md").read_text()
ROWS = {found[1]: line for line in TEXT.splitlines() if (found := re.match(r"\| `(\w+)`: ", line))}


def test_the_table_has_every_sender_and_no_other() -> None:
    """A reader who looks for a sender finds it on one page."""
    assert set(ROWS) == set(SENDERS)


@pytest.mark.parametrize("name", SENDERS)
def test_a_row_says_where_a_sender_calls_and_what_to_set(name: str) -> None:
    """As the receiver has it."""
    sender = SENDERS[name]
    assert f"| `{sender.path}" in ROWS[name]
    assert f"`SLUICE_{sender.secret.upper()}`" in ROWS[name]


@pytest.mark.parametrize("name", SENDERS)
def test_a_sender_that_only_its_address_proves_is_said_to_be_one(name: str) -> None:
    """The page warns of them."""
    assert ("its address alone" in ROWS[name]) is SENDERS[name].path.endswith("{token}")
