"""sluice's own `Train` (`sluice.dev/v1alpha1`): services that are released together, in an order, at a bell or by hand.

The status is the journal of a journey: what a worker that takes over has to know, and what the rollouts of the services go
by. They wait, go on or go home by what is written there, and by nothing else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest

FINALIZER = "sluice.dev/train"
"""Keeps a train under way that is deleted until its services are at home."""
DEPART = "sluice.dev/depart"
"""Annotation that asks for a departure by hand: any text that was not there before, such as a time and a name."""


class Fate(StrEnum):
    """What becomes of the others where one service fails."""

    ONE = "one"
    """All go home."""
    PARTIAL = "partial"
    """Those that come after it stay; the rest goes on."""


class Promotion(StrEnum):
    """When services are promoted."""

    TOGETHER = "together"
    """Once all of the train have passed their analysis, in their order."""
    IN_ORDER = "in-order"
    """Each after its own analysis; those that come after it are begun then."""


class TrainPhase(StrEnum):
    """Where a Train is."""

    NEW = ""
    """Nobody has looked at it."""
    WAITING = "Waiting"
    """It stands, and departs at its next bell or by hand."""
    RUNNING = "Running"
    """Its services are being analysed, and with `in-order` promoted."""
    PROMOTING = "Promoting"
    """All have passed, and are being promoted in their order."""
    RETURNING = "Returning"
    """One has failed: all go home, those first that come last."""
    ARRIVED = "Arrived"
    """All that were aboard are promoted, or with fate `partial` all that could be."""
    RETURNED = "Returned"
    """All are at home again."""


UNDER_WAY = frozenset({TrainPhase.RUNNING, TrainPhase.PROMOTING, TrainPhase.RETURNING})


class CarState(StrEnum):
    """Where one service of a journey is."""

    BOARDED = "Boarded"
    """It waits for its turn; no pod of it runs."""
    RIDING = "Riding"
    """It was let on, and is being rolled out."""
    READY = "Ready"
    """It has passed, and waits for all others."""
    PROMOTING = "Promoting"
    """It was let on to its promotion."""
    PROMOTED = "Promoted"
    HOMEWARD = "Homeward"
    """It was sent home."""
    HOME = "Home"
    """Its users are with what was promoted before."""
    FAILED = "Failed"
    """It was rolled back, deleted, or left the train."""
    STAYED = "Stayed"
    """It was never let on."""
    KEPT = "Kept"
    """It was promoted, and could not be rolled back."""


SETTLED = frozenset({CarState.PROMOTED, CarState.HOME, CarState.FAILED, CarState.STAYED, CarState.KEPT})
"""States in which nothing of it is under way."""


class Departure(ForeignModel):
    """When a train departs by itself."""

    cron: str
    """Five fields, as cron has them: `0 9 * * MON`."""
    time_zone: str = "UTC"
    """Name in the IANA database: `Europe/Berlin`."""


class Boarding(ForeignModel):
    """Which revisions may board."""

    version: str = ""
    """Range of semantic versions; a version that is none does not board. Empty for any."""
    selector: str = ""
    """Labels of the Canary: `team=shop,!hold`. Empty for any."""
    ready_before: Duration = 0.0
    """How long before the bell a revision has to wait at the train. 0 for all that are there."""


class Car(ForeignModel):
    """One service."""

    canary: str = Field(min_length=1)
    """Name of its Canary."""
    namespace: str = ""
    """Of the Canary; empty for the Train's own."""
    name: str = ""
    """What `after` calls it; empty for the Canary's name."""
    after: tuple[str, ...] = ()
    """Services that have to be further first."""
    boarding: Boarding | None = None
    """Its own rules in place of the Train's."""

    @property
    def called(self) -> str:
        """What `after` calls it."""
        return self.name or self.canary


class TrainSpec(ForeignModel):
    """What a Train asks for."""

    cars: tuple[Car, ...] = Field(min_length=1, max_length=500)
    departures: tuple[Departure, ...] = ()
    """None: it departs by hand alone."""
    late: Duration = 600.0
    """How long after a bell it still departs, where nobody was there to see it off."""
    lanes: int = Field(default=10, ge=1, le=500)
    """How many services are on their way at once."""
    fate: Fate = Fate.ONE
    promotion: Promotion | None = None
    """`together` for fate `one`, `in-order` for fate `partial`, where nothing is said."""
    boarding: Boarding = Boarding()
    deadline: Duration = 21600.0
    """How long a service may be on its way before it counts as failed."""
    suspend: bool = False
    """It does not depart; under way, nothing more is let on. Its services wait all the same."""

    @property
    def promotes(self) -> Promotion:
        """When services are promoted."""
        if self.promotion is not None:
            return self.promotion
        return Promotion.TOGETHER if self.fate is Fate.ONE else Promotion.IN_ORDER


class Ride(ForeignModel):
    """One service of a journey, in the journal."""

    name: str
    canary: str
    namespace: str
    after: tuple[str, ...] = ()
    """Services aboard that have to be further first."""
    revision: str = ""
    version: str = ""
    before: str = ""
    """Revision that was promoted when it boarded: its home."""
    state: CarState = CarState.BOARDED
    since: float = 0.0
    """When it came to that state, seconds since the epoch."""
    reason: str = ""


class TrainStatus(ForeignModel):
    """The journal. What a journey needs of the manifest is kept from its departure on: later edits are for the next one."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    phase: TrainPhase = TrainPhase.NEW
    message: str = ""
    known_since: float = 0.0
    """When this generation was first looked at, seconds since the epoch: bells before that are not its own."""
    last_bell: float = 0.0
    """The bell that was answered last, seconds since the epoch."""
    last_depart: str = ""
    """The annotation `sluice.dev/depart` that was answered last."""
    departed: float = 0.0
    reason: str = ""
    """Why all go home, or went."""
    fate: Fate = Fate.ONE
    promotion: Promotion = Promotion.TOGETHER
    rides: tuple[Ride, ...] = ()
    stayed: dict[str, str] = Field(default_factory=dict)
    """Who did not board, and why."""


class Train(Manifest):
    """Services that are released together."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "Train"
    plural: ClassVar[str] = "trains"
    spec: TrainSpec
    status: TrainStatus = TrainStatus()

    @property
    def under_way(self) -> bool:
        """Whether it has departed and not come to an end."""
        return self.status.phase in UNDER_WAY

    @property
    def asked(self) -> str:
        """A departure by hand that was not answered; empty where there is none."""
        wish = self.metadata.annotations.get(DEPART, "")
        return wish if wish != self.status.last_depart else ""

    @property
    def changed(self) -> bool:
        """Whether nobody has looked at the manifest as it is."""
        return self.status.observed_generation != self.metadata.generation

    @property
    def created(self) -> str:
        """When it was made, RFC 3339."""
        return str((self.metadata.model_extra or {}).get("creationTimestamp") or "")

    def namespace_of(self, car: Car) -> str:
        """Where the Canary of a car is."""
        return car.namespace or self.namespace
