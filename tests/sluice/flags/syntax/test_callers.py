"""What goes with a flag's call: only arguments that surely do nothing but give a value."""

from __future__ import annotations

import pytest

from sluice.flags.languages.table import LANGUAGES
from sluice.flags.sdks import ALL

PAY = """\
import {{ client }} from "./flags";
export function pay(order: Order): number {{
  if (client.isEnabled("new-pay", {argument})) {{
    return 1;
  }}
  return 2;
}}
"""
FEATURES = """\
import { client } from "./flags";
export class Features {
  isNew(): boolean {
    return client.isEnabled("new-pay");
  }
}
"""
ASKS = """\
import { Features } from "./features";
export function pay(features: Features): number {
  if (features.isNew()) {
    return 1;
  }
  return 2;
}
"""


@pytest.mark.parametrize(
    ("argument", "goes"),
    [
        ("getUser(order)", True),
        ("userId()", True),
        ("new Context().add('plan', order.plan)", True),
        ("issueRefund(order)", False),
        ("tokenize(order)", False),
        ("createOrder(order)", False),
        ("orders.put(1, order)", False),
        ("getaway(order)", False),
    ],
)
def test_an_argument_that_may_do_more_than_give_a_value_keeps_its_call(argument: str, goes: bool) -> None:
    """A word counts as a whole one, and what changes an object only where nobody else has that object."""
    text = PAY.format(argument=argument)
    removal = LANGUAGES["typescript"].remove({"pay.ts": text}, "new-pay", "true", ALL)
    assert removal.whole is goes
    assert ("pay.ts" in removal.texts) is goes
    assert goes or argument in str(removal.left[0])


def test_a_method_that_gives_the_flag_s_value_and_is_still_called_is_named() -> None:
    """On any other object it may be another one's method: people are to look at its calls."""
    removal = LANGUAGES["typescript"].remove({"features.ts": FEATURES, "pay.ts": ASKS}, "new-pay", "true", ALL)
    assert "return true;" in str(removal.texts["features.ts"])
    assert [str(left) for left in removal.left] == [
        "pay.ts:3: `isNew` gives what the flag has, and it is not sure that this is a call of it"
    ]
