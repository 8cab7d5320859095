"""What Python's collector of garbage is spared: what is there by now, and most searches."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from deployments.server.garbage import NEW, search_seldom


class Ring:
    """A circle of one, which only the collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_left_out_and_circles_that_come_are_freed_all_the_same() -> None:
    """Before it leaves out what is there it frees what is garbage by then."""
    before = weakref.ref(Ring())
    search_seldom()
    assert before() is None
    assert gc.get_freeze_count() > 10_000
    later = weakref.ref(Ring())
    kept = [[number] for number in range(NEW + 10)]
    assert later() is None
    assert len(kept) > NEW


def test_once_more_is_as_once() -> None:
    """A part that starts again calls it again."""
    search_seldom()
    first = gc.get_threshold()
    search_seldom()
    assert gc.get_threshold() == first
