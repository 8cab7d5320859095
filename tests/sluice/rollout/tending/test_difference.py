"""What an object lacks of what was written to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.rollout.tending.difference import lacks

CONTAINER = {"name": "shop", "image": "shop:1", "env": [{"name": "A", "value": "1"}], "args": ["-v", "-x"]}


@pytest.mark.parametrize(
    ("live", "paths"),
    [
        pytest.param([{**CONTAINER, "image": "shop:2"}], ["[shop].image"], id="another image"),
        pytest.param([{**CONTAINER, "args": ["-v"]}], ["[shop].args"], id="fewer arguments"),
        pytest.param([{**CONTAINER, "env": []}], ["[shop].env[A]"], id="a variable was taken away"),
        pytest.param([{**CONTAINER, "env": [{"name": "A", "value": "2"}]}], ["[shop].env[A].value"], id="its value"),
        pytest.param([{"name": "proxy"}, {**CONTAINER, "stdin": False}], [], id="a sidecar and a default"),
        pytest.param([], ["[shop]"], id="all of it"),
    ],
)
def test_what_was_written_is_missed_and_what_others_add_is_not(live: list[Any], paths: list[str]) -> None:
    """By the path that a person can find."""
    assert list(lacks([CONTAINER], live)) == paths


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner, max_size=3),
)


@given(JSON)
def test_nothing_lacks_anything_of_itself(one: Any) -> None:
    """Whatever its form: else a keeper would write for ever."""
    assert list(lacks(one, one)) == []


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_what_is_added_at_the_top_is_no_difference(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Fields of others may come and go."""
    assert list(lacks(ours, {**theirs, **ours})) == []
