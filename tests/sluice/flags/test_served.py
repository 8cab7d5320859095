"""Who gets what of a flag: cases that people met with Flipt and flagd, and what they mean."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.errors import TerminalError
from sluice.flags.files import flagd
from sluice.flags.flag import Served, Turn, Wish
from sluice.flags.flipt.payload import definition, everyone

SEGMENTS = everyone([{"key": "all", "constraints": []}, {"key": "staff", "constraints": [{"property": "team"}]}])
BOOLEAN: dict[str, Any] = {"key": "a", "type": "BOOLEAN_FLAG_TYPE"}
STAFF = {"segment": {"key": "staff", "value": True}}


def share(percent: float, value: bool = True) -> dict[str, Any]:
    return {"threshold": {"percentage": percent, "value": value}}


@pytest.mark.parametrize(
    ("said", "served"),
    [
        # flipt#2700: the switch is only what is left where no rollout catches a user.
        ({"enabled": False, "rollouts": [share(100)]}, Served(everybody="true")),
        ({"enabled": True, "rollouts": [share(100, value=False)]}, Served(everybody="false")),
        # A segment that gives what everybody gets anyway splits nobody.
        ({"enabled": True, "rollouts": [STAFF]}, Served(everybody="true")),
        ({"enabled": False, "rollouts": [STAFF]}, Served(shares={"false": 100.0}, rules=True)),
        # flipt#2700: a segment without constraints catches all, and what stands behind it nobody.
        ({"enabled": False, "rollouts": [{"segment": {"key": "all", "value": True}}, STAFF]}, Served(everybody="true")),
        # One hash: the users below 10 % are among those below 25 %.
        ({"rollouts": [share(10, value=False), share(25)]}, Served(shares={"true": 15.0, "false": 85.0})),
        ({"rollouts": [share(25), share(10, value=False)]}, Served(shares={"true": 25.0, "false": 75.0})),
        ({"rollouts": [share(0)]}, Served(everybody="false")),
    ],
)
def test_a_boolean_flag_of_flipt(said: dict[str, Any], served: Served) -> None:
    """Its rollouts come before its switch."""
    assert definition(BOOLEAN | said, SEGMENTS, "a test").served() == served


VARIANT: dict[str, Any] = {"key": "a", "enabled": True, "variants": [{"key": "red"}, {"key": "blue"}]}
HALF = [{"variant": "red", "rollout": 50}, {"variant": "blue", "rollout": 50}]
ALL = [{"segment": "all", "distributions": HALF}]
BOTH = {"keys": ["all", "staff"]}


@pytest.mark.parametrize(
    ("said", "served"),
    [
        ({}, Served()),
        ({"defaultVariant": "red"}, Served(everybody="red")),
        (
            {"enabled": False, "defaultVariant": "red", "rules": [{"segment": "all", "distributions": HALF}]},
            Served(everybody="red"),
        ),
        ({"rules": ALL}, Served(shares={"red": 50.0, "blue": 50.0})),
        ({"rules": [{"segment": "staff", "distributions": HALF[:1]}]}, Served(shares={"": 100.0}, rules=True)),
        # flipt#1978: a rule's segment is a key, or several with an operator.
        (
            {
                "rules": [
                    {
                        "segment": {"keys": ["all", "staff"], "operator": "AND_SEGMENT_OPERATOR"},
                        "distributions": HALF[:1],
                    }
                ]
            },
            Served(shares={"": 100.0}, rules=True),
        ),
        (
            {"rules": [{"segment": BOTH, "distributions": HALF[:1]}]},
            Served(everybody="red"),
        ),
        # Parts need not add up to 100.
        (
            {"rules": [{"segment": "all", "distributions": [{"variant": "red", "rollout": 20}]}]},
            Served(everybody="red"),
        ),
    ],
)
def test_a_variant_flag_of_flipt(said: dict[str, Any], served: Served) -> None:
    """The first rule that catches a user splits; else it is the default variant, or the default in the code."""
    assert definition(VARIANT | said, SEGMENTS, "a test").served() == served


@pytest.mark.parametrize(
    ("said", "served"),
    [
        ({"defaultVariant": "off"}, Served(everybody="false")),
        ({"defaultVariant": "off", "targeting": {}}, Served(everybody="false")),
        ({"state": "DISABLED", "defaultVariant": "on"}, Served()),
        ({}, Served()),
        # opentelemetry-demo#1492: targeting goes before defaultVariant, and may name what tells users apart.
        (
            {"defaultVariant": "off", "targeting": {"fractional": [{"var": "session"}, ["on", 10], ["off", 90]]}},
            Served(shares={"true": 10.0, "false": 90.0}),
        ),
        # flagd#1948: who has no targeting key is in no part, and gets the default variant.
        ({"defaultVariant": "off", "targeting": {"fractional": [["on", 100]]}}, Served(shares={"true": 100.0})),
        ({"defaultVariant": "on", "targeting": {"fractional": [["on", 100]]}}, Served(everybody="true")),
        # flagd#1788: weights need not add up to 100, and one that is left out is 1.
        (
            {"defaultVariant": "off", "targeting": {"fractional": [["on"], ["off", 3]]}},
            Served(shares={"true": 25.0, "false": 75.0}),
        ),
        ({"defaultVariant": "off", "targeting": {"if": [{"var": "staff"}, "on", "off"]}}, Served(rules=True)),
    ],
)
def test_a_flag_of_flagd(said: dict[str, Any], served: Served) -> None:
    """What is not known to be for everybody is not said to be."""
    raw = {"state": "ENABLED", "variants": {"on": True, "off": False}} | said
    (flag,) = flagd.read(json.dumps({"flags": {"a": raw}}), "prod", "a test")
    assert flag.environments["prod"].served == served


@pytest.mark.parametrize("wish", [Wish(turn=Turn.ON), Wish(turn=Turn.SHARE, share=10.0)])
def test_peoples_rules_in_flagd_are_not_overwritten(wish: Wish) -> None:
    """Neither by a share nor by ON: the message says what to do."""
    raw = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": {"if": [{"var": "staff"}, "on", "off"]},
    }
    with pytest.raises(TerminalError, match="people's rules"):
        flagd.edited(json.dumps({"flags": {"a": raw}}), "a", wish, "a test")
