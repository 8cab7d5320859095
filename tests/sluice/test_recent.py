"""A mapping of the latest entries: what a process remembers for a year has one size."""

from __future__ import annotations

from sluice.recent import Recent


def test_it_keeps_the_entries_that_were_set_last() -> None:
    """Setting an entry once more makes it a late one."""
    it: Recent[str, int] = Recent(2)
    it["a"] = 1
    it["b"] = 2
    it["a"] = 3
    it["c"] = 4
    assert dict(it) == {"a": 3, "c": 4}


def test_no_way_in_leads_around_the_bound() -> None:
    """Whatever adds an entry."""
    it: Recent[int, int] = Recent(3)
    it.update({number: number for number in range(10)})
    for number in range(10, 20):
        assert it.setdefault(number, number) == number
    assert list(it) == [17, 18, 19]
