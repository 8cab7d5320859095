"""What the judge's page promises of simulated releases, on fewer of them than the bench has: `docs/judge-bench.md`."""

from __future__ import annotations

import numpy as np
import pytest

from bench.judge import measure, rows
from bench.judge.judges.sluices import RULES, judge
from bench.judge.measure import Sizes

SIZES = Sizes(releases=1000, seed=7, alpha=0.001)
FEW = 6
"""Of a thousand releases, one in a thousand of which may be rolled back: six and more would be seen once in 1,700 times."""


@pytest.mark.parametrize("title", [title for title in rows.FALSE if "bursts" not in title])
def test_good_releases_are_rolled_back_at_most_once_in_a_thousand(title: str) -> None:
    """Noise, blips, a shared outage, exactly at the objective, and within it beside a better primary."""
    found = measure.false_alarms(rows.FALSE[title], {"sluice": RULES["sluice"]}, SIZES)["rolled_back"]["sluice"]
    assert found < FEW


@pytest.mark.parametrize("title", [title for title in rows.FALSE if "bursts" in title])
def test_bursts_of_the_canary_alone_are_survived_with_interleave(title: str) -> None:
    found = measure.false_alarms(rows.FALSE[title], {"it": RULES["interleaved"]}, SIZES)["rolled_back"]["it"]
    assert found < FEW


@pytest.mark.parametrize(
    ("title", "most"),
    [
        pytest.param("1 rps, 20 %", 36, id="hardly any traffic"),
        pytest.param("10 rps, 5 %", 24.25, id="an eighth of the best peer's 194 s"),
        pytest.param("10 rps, 100 %", 4, id="all fails"),
        pytest.param("100 rps, 2 %", 21, id="a small excess, where the best peer takes 22 s"),
        pytest.param("100 rps, 5 %", 7, id="twice Wald's bound and a scrape"),
        pytest.param("100 rps, 5 %, scrape 15 s", 25, id="the second scrape decides, where the best peer takes 38 s"),
        pytest.param("10 rps, 20 % after 10 good minutes", 12, id="late"),
    ],
)
def test_bad_releases_are_rolled_back_within(title: str, most: float) -> None:
    """The median; where a peer is named, its best tuning for that very row."""
    scenario, rule = rows.SPEED[title], RULES["sluice"]
    chunks = [judge(one, rule(one, SIZES.alpha), SIZES.alpha) for one in measure.streams_of(scenario, SIZES)]
    assert measure.spread(np.concatenate(chunks), scenario.changes_at)["median_s"] <= most
