"""What the fault suite reports of the cases that it has played."""

from __future__ import annotations

from lab.faults.judged.cases import Hit
from lab.faults.plan import KINDS, WHOLE_LAB
from lab.faults.report import cases_by_kind, table
from tests.lab.faults.test_laws import case


def hit(kind: str, *, aimed: bool = True) -> Hit:
    return Hit(kind, aimed, "", "", 20.0, 21.0)


CASES = [
    case(hits=[hit("oom"), hit("oom"), hit("kill worker", aimed=False)]),
    case(hits=[hit("oom"), hit("delete route")]),
]


def test_each_kind_of_fault_is_counted_by_the_cases_that_it_hit() -> None:
    """Once a case, however often it hit it; one that was never met is a zero, not a gap."""
    found = cases_by_kind(CASES)
    assert found["oom"] == {"cases": 2, "aimed": 2}
    assert found["kill worker"] == {"cases": 1, "aimed": 0}
    assert found["delete route"] == {"cases": 1, "aimed": 1}
    assert found["suspend"] == {"cases": 0, "aimed": 0}
    assert set(found) == set(KINDS) - set(WHOLE_LAB)
    assert "contour away" in cases_by_kind([case(hits=[hit("contour away")])])


def test_the_table_begins_with_what_was_met_most() -> None:
    """A line for each kind."""
    head, first, *rest = table(CASES)
    assert head.split() == ["cases", "aimed"]
    assert first.split() == ["oom", "2", "2"]
    assert len(rest) == len(KINDS) - len(WHOLE_LAB) - 1
    assert rest[-1].split()[-2:] == ["0", "0"]
