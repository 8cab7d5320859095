"""One cause of failing runs is one condition, which counts."""

from __future__ import annotations

from typing import Any

from sluice.rollout.safety.stalled import stalled

BEFORE: list[dict[str, Any]] = [{"type": "Promoted", "status": "False"}]


def failing(*reasons: str) -> tuple[list[dict[str, Any]], list[bool]]:
    conditions, news = list(BEFORE), []
    for number, reason in enumerate(reasons):
        conditions, new = stalled(conditions, reason, f"t{number}")
        news.append(new)
    return conditions, news


def test_the_first_failure_is_news_and_its_repetitions_are_counted() -> None:
    """Since when is kept; other conditions are left alone."""
    conditions, news = failing(*["no such kind"] * 3)
    assert news == [True, False, False]
    assert conditions[0] == BEFORE[0]
    assert conditions[1]["message"] == "no such kind (3 times)"
    assert (conditions[1]["lastTransitionTime"], conditions[1]["lastUpdateTime"]) == ("t0", "t2")


def test_numbers_make_no_other_cause() -> None:
    """Seconds, ports and names of pods differ each time."""
    assert failing("not ready after 30 s", "not ready after 31 s")[1] == [True, False]


def test_another_cause_is_news() -> None:
    """And counts from one."""
    conditions, news = failing("one", "one", "other")
    assert news == [True, False, True]
    assert conditions[1]["message"] == "other"
