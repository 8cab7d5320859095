"""The order of a train: levels, circles, and what holds among those who board."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.trains.order import aboard, circle, levels

CHAIN = {"db": (), "api": ("db",), "web": ("api",), "mail": ()}


def test_each_level_comes_after_earlier_levels_alone() -> None:
    """Services of one level do not wait for each other."""
    assert levels(CHAIN) == [("db", "mail"), ("api",), ("web",)]


def test_a_circle_is_named_in_its_order() -> None:
    """Each comes after the next one."""
    assert circle(CHAIN) == ()
    found = circle({"a": ("b",), "b": ("c",), "c": ("a",), "d": ()})
    assert found[0] == found[-1]
    assert set(found) == {"a", "b", "c"}
    assert all((one, after) in {("a", "b"), ("b", "c"), ("c", "a")} for one, after in pairwise(found))
    assert circle({"a": ("a",)}) == ("a", "a")


def test_whoever_stays_away_does_not_break_the_order_of_the_others() -> None:
    """What comes after one that has nothing new comes after what that one came after."""
    assert aboard(CHAIN, {"db", "web"}) == {"db": (), "web": ("db",)}
    assert aboard(CHAIN, {"web"}) == {"web": ()}


@st.composite
def orders(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    size = draw(st.integers(1, 12))
    picks = [draw(st.sets(st.integers(0, index - 1))) if index else set() for index in range(size)]
    return {f"s{index}": tuple(f"s{one}" for one in sorted(picked)) for index, picked in enumerate(picks)}


def reached(order: dict[str, tuple[str, ...]], name: str) -> set[str]:
    return {one for after in order[name] for one in {after} | reached(order, after)}


@given(orders(), st.data())
def test_the_order_among_some_is_the_order_of_all(order: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    """Among those who board exactly that comes before another which came before it in the whole order."""
    names = data.draw(st.sets(st.sampled_from(sorted(order))))
    found = aboard(order, names)
    assert set(found) == names
    assert {name: reached(found, name) for name in names} == {name: reached(order, name) & names for name in names}


@pytest.mark.parametrize("size", [500])
def test_a_long_chain_has_a_level_each(size: int) -> None:
    """As many as a manifest may have."""
    order = {f"s{index}": (f"s{index - 1}",) if index else () for index in range(size)}
    assert len(levels(order)) == size
    assert len(aboard(order, {f"s{size - 1}", "s0"})[f"s{size - 1}"]) == 1
