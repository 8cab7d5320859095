"""What people read in Slack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.chat.slack_blocks import SIGNS, blocks
from sluice.notices.message import Occasion, rollout_message


def test_a_message_says_who_what_and_why() -> None:
    """The notification names the canary, the version, what happened and the reason; the blocks add the numbers."""
    message = rollout_message(Occasion.ROLLED_BACK, "shop/cart", "1.2.0", "50 % failed", {"Weight reached": "10 %"})
    assert message.text == "shop/cart@1.2.0 rolled back: 50 % failed"
    assert "*shop/cart* `1.2.0` rolled back\n50 % failed" in blocks(message)[0]["text"]["text"]
    assert blocks(message)[1]["fields"] == [{"type": "mrkdwn", "text": "*Weight reached*\n10 %"}]


@pytest.mark.parametrize("occasion", list(Occasion))
def test_every_occasion_has_a_sign(occasion: Occasion) -> None:
    """A message can be told apart at a glance."""
    assert blocks(rollout_message(occasion, "a/b", "1"))[0]["text"]["text"].startswith(SIGNS[occasion])


def test_slack_s_control_characters_are_escaped() -> None:
    """A reason such as `<nil> & more` cannot become a link or a mention."""
    message = rollout_message(Occasion.STARTED, "a/<b>", "1&2", "<!channel> x > y")
    assert "<" not in blocks(message)[0]["text"]["text"]
    assert "&lt;!channel&gt; x &gt; y" in blocks(message)[0]["text"]["text"]


@given(st.text(max_size=6000), st.dictionaries(st.text(min_size=1, max_size=40), st.text(max_size=3000), max_size=15))
def test_no_message_is_longer_than_slack_takes(reason: str, facts: dict[str, str]) -> None:
    """A long reason or many facts are cut, never refused."""
    message = rollout_message(Occasion.PROMOTED, "a/b", "1", reason, facts)
    assert len(message.text) <= 3000
    assert len(blocks(message)[0]["text"]["text"]) <= 3000
    for block in blocks(message)[1:]:
        assert 1 <= len(block["fields"]) <= 10
        assert all(len(field["text"]) <= 2000 for field in block["fields"])


def test_a_link_is_shown_whole_or_not_at_all() -> None:
    """Half an address leads nowhere."""
    message = rollout_message(Occasion.PROMOTED, "a/b", "1")
    linked = message.model_copy(update={"link": "https://host/?a=1&b=2"})
    assert blocks(linked)[-1]["elements"][0]["text"] == "<https://host/?a=1&amp;b=2|details>"
    assert blocks(message.model_copy(update={"link": "https://host/" + "x" * 4000})) == blocks(message)
