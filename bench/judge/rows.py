"""The rows of the tables: which releases are simulated."""

from __future__ import annotations

from dataclasses import replace

from bench.judge.shapes import Shape
from bench.judge.streams import Scenario

SERVICE = Scenario.good(10, 0.005)

FALSE: dict[str, Scenario] = {
    "1 rps, 0.5 %": Scenario.good(1, 0.005),
    "10 rps, 0.1 %": Scenario.good(10, 0.001),
    "10 rps, 0.5 %": Scenario.good(10, 0.005),
    "100 rps, 0.5 %": Scenario.good(100, 0.005),
    "100 rps, 1 %: exactly the objective": Scenario.good(100, 0.01),
    "100 rps, 1 %, primary 0.1 %: within the objective": replace(Scenario.good(100, 0.01), usual=0.001),
    "100 rps, shared blips of 30 %": Scenario.good(100, 0.005, Shape.BLIPS),
    "10 rps, shared outage of 60 s": Scenario.good(10, 0.005, Shape.OUTAGE),
    "10 rps, bursts of the canary alone": Scenario.good(10, 0.001, Shape.BURSTS),
    "100 rps, bursts of the canary alone": Scenario.good(100, 0.001, Shape.BURSTS),
    "100 rps, bursts, scrape 5 s": Scenario.good(100, 0.001, Shape.BURSTS, scrape=5),
    "100 rps, blips, scrape 15 s": Scenario.good(100, 0.005, Shape.BLIPS, scrape=15),
    "100 rps, bursts, scrape 15 s": Scenario.good(100, 0.001, Shape.BURSTS, scrape=15),
    "10 rps, 0.5 %, 10 % of scrapes missed": replace(SERVICE, missed=0.1),
    "10 rps, 0.5 %, 5 pod restarts": replace(SERVICE, restarts=5),
}
"""Good releases: rolling one back is wrong."""


def _bad(rps: float, failure: float, scrape: int = 2) -> Scenario:
    return replace(SERVICE, rps=rps, failure=failure, scrape=scrape)


SPEED: dict[str, Scenario] = {
    **{
        f"{rps} rps, {100 * failure:g} %": _bad(rps, failure)
        for rps, failure in (
            (1, 0.2),
            (1, 1.0),
            (10, 0.05),
            (10, 1.0),
            (100, 0.015),
            (100, 0.02),
            (100, 0.03),
            (100, 0.05),
            (100, 1.0),
        )
    },
    **{
        f"{rps} rps, {100 * failure:g} %, scrape {scrape} s": _bad(rps, failure, scrape)
        for scrape in (5, 15)
        for rps, failure in ((1, 1.0), (10, 0.05), (10, 1.0), (100, 0.02), (100, 0.05), (100, 1.0))
    },
    "10 rps, 20 %, 10 % of scrapes missed": replace(_bad(10, 0.2), missed=0.1),
    "10 rps, 20 %, 5 pod restarts": replace(_bad(10, 0.2), restarts=5),
    "10 rps, 20 % after 10 good minutes": replace(_bad(10, 0.2), changes_at=600, seconds=900),
    "100 rps, 2 % after 10 good minutes": replace(_bad(100, 0.02), changes_at=600, seconds=900),
}
"""Bad releases of a service that has 0.5 % of failures itself: how long until they are rolled back."""


def as_good(scenario: Scenario) -> Scenario:
    """That service with a release that is as good as it was: what the peers are tuned on."""
    return replace(scenario, failure=scenario.usual, changes_at=0)
