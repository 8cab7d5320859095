"""What the parts of sluice's rule are for: the same rule without one of them, and the rule that was there before.

- `blocks`: bets on blocks with the control, one error rate. They have to survive blocks without any bad request, so at
  100 requests/s they win half of what the counts say.
- `requests`: bets on single requests with the control, and none on blocks.
- `no brake`: what a block wins is divided by the dispersion, but not held back.
- `no dispersion`: likelihood ratios as they are, as of independent requests.
- `one tier`: sluice's evidence, with the error rate alpha for a release that keeps its objective too.
"""

from __future__ import annotations

import numpy as np

from bench.judge.judges.bets import wealth
from bench.judge.judges.singles import MOST_NATS, PLAN, by_request, ratios, unbraked
from bench.judge.judges.sluices import TIER, Rule, absolute, mixed, with_control
from bench.judge.streams import Reals, Streams


def no_brake(streams: Streams, _alpha: float) -> tuple[Reals, ...]:
    """Likelihood ratios of requests; what they win is divided by the dispersion of the canary's blocks."""
    n = streams.canary.requests
    return tuple(wealth(np.exp(unbraked(n, bad)), n > 0, PLAN) for bad in streams.canary.bad)


def no_dispersion(streams: Streams, _alpha: float) -> tuple[Reals, ...]:
    """Likelihood ratios of requests."""
    n = streams.canary.requests
    return tuple(wealth(np.exp(np.minimum(ratios(n, bad), MOST_NATS)), n > 0, PLAN) for bad in streams.canary.bad)


CANDIDATES: dict[str, Rule] = {
    "blocks": with_control(absolute),
    "requests": with_control(by_request, TIER),
    "no brake": with_control(mixed(no_brake), TIER),
    "no dispersion": with_control(mixed(no_dispersion), TIER),
    "one tier": with_control(mixed(by_request)),
}
"""The rules by the names of the tables; all with the comparison to the primary."""
