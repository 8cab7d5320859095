"""What the bench puts on sluice: how many Canaries, which releases, when. All chance comes from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

PER_NAMESPACE = 50
"""Canaries in one namespace, as teams share them."""


@dataclass(frozen=True)
class Release:
    """A new version of one Canary's target.

    Attributes:
        at: seconds after the first release.
        canary: index of the Canary.
        version: what the image is tagged with; counts up for each Canary.
        errors: share of the new version's requests that fail.
    """

    at: float
    canary: int
    version: int
    errors: float


@dataclass(frozen=True)
class Load:
    """The load of one run.

    Attributes:
        n: Canaries.
        seed: of everything that is left to chance.
        stagger_s: seconds over which the releases of a burst are spread.
        per_minute: releases a minute, one Canary after the other, in place of a burst.
        minutes: how long that is kept up.
        step_s, step_weight, max_weight: the Canaries' analysis.
        replicas: of each Deployment.
        rate: requests a second to each service.
        bad_share: share of the releases that are bad.
        bad_errors: share of a bad version's requests that fail.
        routes: who accepts them: `contour` or the bench's own `accept`.
    """

    n: int
    seed: int = 1
    stagger_s: float = 10.0
    per_minute: float = 0.0
    minutes: float = 10.0
    step_s: float = 10.0
    step_weight: int = 10
    max_weight: int = 50
    replicas: int = 1
    rate: float = 20.0
    bad_share: float = 0.05
    bad_errors: float = 0.25
    routes: str = "contour"

    @property
    def steps(self) -> int:
        """Weights that a good release is judged at."""
        return self.max_weight // self.step_weight

    @property
    def lasts_s(self) -> float:
        """Seconds from the first release to the last."""
        return 60 * self.minutes if self.per_minute else self.stagger_s

    def releases(self) -> list[Release]:
        """All releases, in the order of their time."""
        chance = random.Random(self.seed)
        count = round(self.per_minute * self.minutes) if self.per_minute else self.n
        return [
            Release(
                at=index * self.lasts_s / count,
                canary=index % self.n,
                version=index // self.n + 2,
                errors=self.bad_errors if chance.random() < self.bad_share else 0.0,
            )
            for index in range(count)
        ]


def canary_name(index: int) -> str:
    """Name of a Canary, and of its target."""
    return f"app-{index:04d}"


def namespace_of(prefix: str, index: int) -> str:
    """Namespace of a Canary."""
    return f"{prefix}-{index // PER_NAMESPACE:02d}"


def namespaces(prefix: str, n: int) -> list[str]:
    """All namespaces of a run."""
    return sorted({namespace_of(prefix, index) for index in range(n)})
