"""Which phase of a Canary may follow which."""

from __future__ import annotations

from sluice.manifests.flagger.phase import Phase

TRANSITIONS: dict[Phase | None, frozenset[Phase]] = {
    None: frozenset({Phase.INITIALIZING}),
    Phase.INITIALIZING: frozenset({Phase.INITIALIZED, Phase.FAILED}),
    Phase.INITIALIZED: frozenset({Phase.WAITING, Phase.PROGRESSING}),
    # One whose analysis is switched off before its gate has opened is promoted as it is.
    Phase.WAITING: frozenset({Phase.PROGRESSING, Phase.PROMOTING, Phase.FAILED, Phase.SUCCEEDED}),
    Phase.PROGRESSING: frozenset(
        {Phase.WAITING, Phase.WAITING_PROMOTION, Phase.PROMOTING, Phase.FAILED, Phase.SUCCEEDED}
    ),
    # One that a newer revision had superseded, and whose target was put back since, begins with its first gates.
    Phase.WAITING_PROMOTION: frozenset(
        {Phase.WAITING, Phase.PROMOTING, Phase.PROGRESSING, Phase.FAILED, Phase.SUCCEEDED}
    ),
    Phase.PROMOTING: frozenset({Phase.FINALISING, Phase.PROGRESSING, Phase.FAILED, Phase.SUCCEEDED}),
    Phase.FINALISING: frozenset({Phase.SUCCEEDED, Phase.PROGRESSING}),
    Phase.SUCCEEDED: frozenset({Phase.WAITING, Phase.PROGRESSING, Phase.TERMINATING}),
    Phase.FAILED: frozenset({Phase.INITIALIZING, Phase.WAITING, Phase.PROGRESSING, Phase.TERMINATING, Phase.SUCCEEDED}),
    Phase.TERMINATING: frozenset({Phase.TERMINATED}),
    Phase.TERMINATED: frozenset(),
}
"""Every change of phase that a rollout can make; staying is always allowed, and a Canary may be deleted in any of them."""
GOING = frozenset({Phase.TERMINATING, Phase.TERMINATED})
