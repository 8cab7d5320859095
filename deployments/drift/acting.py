"""What is done about what changed of one Kustomization: look, report it once, and put it back where it is to be put back."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from blocks.applied.ledger import Place, place_of
from blocks.connections import Connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from deployments.drift.inventories import Key, looked_after
from sluice.errors import SluiceError
from sluice.manifests.conditions import RECONCILING, find_condition
from sluice.manifests.flux.kustomization import Kustomization
from sluice.recent import Recent
from sluice.sync.drift.findings import Finding
from sluice.sync.drift.policy import Policy, policy_or_default
from sluice.sync.drift.struggle import Struggle
from tasks.sync.kustomizations.drift import drifted, restored
from tasks.sync.kustomizations.reporting import contested, forget, note, put_back, reported

log = logging.getLogger("sluice.drift")
REMEMBERED = 5000
"""Objects of which it is remembered how often they were put back."""
UNDER_WAY = 2.0
"""Seconds until what changed during a sync is looked at, where no end of the sync is heard of."""
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before what could not be looked at or put back is tried again."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a look.

    Attributes:
        places: what has to be looked at once more.
        once_more: seconds until then; 0 for the Kustomization's next change.
    """

    places: frozenset[Place] = frozenset()
    once_more: float = 0.0


@dataclass(slots=True)
class Acting:
    """Looks at Kustomizations, one at a time each."""

    wired: Connections
    _struggles: Recent[tuple[Key, Place], Struggle] = field(default_factory=lambda: Recent(REMEMBERED))
    _pauses: dict[Key, float] = field(default_factory=dict)

    def forget(self, key: Key) -> None:
        """The Kustomization is gone."""
        self._pauses.pop(key, None)

    async def look(self, key: Key, places: set[Place]) -> Result:
        """Look at these objects of a Kustomization."""
        began, seen = time.monotonic(), frozenset(places)
        item = await self.wired.informers.find(KUSTOMIZATION, key[1], key[0])
        one = looked_after(item) if item else None
        if item is None or one is None or not self.wired.cluster.acts_on(KUSTOMIZATION, item):
            return Result()
        reconciling = find_condition(one.status.conditions, RECONCILING)
        if reconciling is not None and reconciling.status == "True":
            return Result(seen, UNDER_WAY)  # a sync is writing, and its end is heard of
        try:
            findings = await drifted(self.wired, one, seen)
            # A fight is reported as one.
            quiet = [found for found in findings if self._struggle(key, found).pause]
            note(self.wired, one, quiet)
            if await reported(self.wired, one, findings):
                log.info("%s: looked at within %.2f s", one, time.monotonic() - began)
            result = await self._put_back(one, findings) if findings else Result()
        except SluiceError as error:
            pause = self._pauses[key] = min(2 * self._pauses.get(key, SHORTEST_PAUSE / 2), LONGEST_PAUSE)
            log.warning("what changed of %s was not put right, tried again: %s", one, error)
            return Result(seen, pause)
        self._pauses.pop(key, None)
        forget(self.wired, one, seen - {place_of(found.object) for found in findings})
        return result

    async def _put_back(self, one: Kustomization, findings: list[Finding]) -> Result:
        """Where the policy says so, by a sync of its own; what somebody fights for is left for a while."""
        if policy_or_default(one.metadata.annotations) is not Policy.AT_ONCE:
            return Result()
        key, now = (one.namespace, one.name), time.monotonic()
        ready = [found for found in findings if not self._struggle(key, found).wait(now)]
        if ready:
            fights = [found for found in ready if self._struggle(key, found).corrected(now)]
            if fights:
                await contested(self.wired, one, fights)
            await restored(one)
            took = time.monotonic() - now
            log.warning("%s: put back after %.2f s: %s", one, took, ", ".join(str(found.object) for found in ready))
            if not any(self._struggle(key, found).pause for found in ready):
                await put_back(self.wired, one, ready)
            forget(self.wired, one, [place_of(found.object) for found in ready])
        left = [found for found in findings if found not in ready]
        waits = [self._struggle(key, found).wait(now) for found in left]
        return Result(frozenset(place_of(found.object) for found in left), min(waits, default=0.0))

    def _struggle(self, key: Key, found: Finding) -> Struggle:
        place = (key, place_of(found.object))
        struggle = self._struggles.get(place)
        if struggle is None or struggle.over(time.monotonic()):
            struggle = self._struggles[place] = Struggle()
        return struggle
