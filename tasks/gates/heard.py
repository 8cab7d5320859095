"""Heard: what Gates and people have to say about a release, read from the cluster by shared watches.

What cannot be read holds a release where it is, and says so; it never keeps one from going home.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import AUDIT_RECORD, FREEZE, GATE, TRAIN
from sluice.errors import InvalidError, SluiceError
from sluice.gates.asked_for import NOTHING, AskedFor, about, asked_for
from sluice.gates.holding import NOTHING_HOLDS, Holding, holding
from sluice.gates.reach import gates_for, may_reach
from sluice.gates.windows.state import WindowState, window_state
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.meta import Manifest
from sluice.manifests.own.audit_record import AuditRecord
from sluice.manifests.own.freeze import Freeze
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gates.window import WindowSpec
from sluice.manifests.own.train import Train
from sluice.recent import Recent
from sluice.trains.holding import Held, held, names

Object = Mapping[str, Any]
log = logging.getLogger("sluice.gates")
LISTED_WITHIN = 2.0
"""Seconds that a first list of Gates may take before a release is held for it: the way home must not wait for long."""
MODELS = 4000
_models: Recent[str, tuple[Object, Manifest | None]] = Recent(MODELS)
"""What was read of an object, by uid: hundreds of releases look at the same ones, which are shared until they change."""
_states: Recent[int, tuple[WindowSpec, WindowState]] = Recent(MODELS)


@dataclass(frozen=True, slots=True)
class Heard:
    """What Gates and people say at one moment.

    Attributes:
        gates: those that have a say in this Canary's releases.
        said: what people have asked of this revision.
        train: what the train says that the Canary's service belongs to; None where it has none.
        trouble: why not all of it could be read; empty where all was.
        holds: what windows and freezes say.
    """

    gates: tuple[Gate, ...] = ()
    said: AskedFor = NOTHING
    train: Held | None = None
    trouble: str = ""
    holds: Holding = NOTHING_HOLDS

    @property
    def until(self) -> float | None:
        """When it may change without anybody doing anything, seconds since the epoch; None where it does not."""
        return self.holds.until.timestamp() if self.holds.until else None

    @property
    def held(self) -> str:
        """Why nothing goes forward; empty where it may."""
        return self.said.paused or self.trouble or self.holds.held

    @property
    def aborted(self) -> str:
        """Why the release goes home: a person, or a window that closed; empty where it does not."""
        return self.said.aborted or self.holds.home

    @property
    def gated(self) -> frozenset[str]:
        """The points at which Gates are asked."""
        points = [point for gate in self.gates for point in gate.spec.at]
        return frozenset([*points, *(self.train.closed if self.train else ())])

    @property
    def matters(self) -> object:
        """What a release is decided by, besides the answers of Gates; equal where nothing of it changed."""
        said = self.said
        home = (self.train.home, self.train.back_to) if self.train else None
        waits = self.said.paused, self.trouble, self.holds.by
        return waits, said.aborted, said.promoted, said.retried, self.gated, home

    @property
    def answers(self) -> object:
        """What answers of Gates rest on."""
        return tuple((one.key, one.metadata.generation) for one in self.gates), len(self.said.records), self.train


async def heard(wired: Connections, canary: Canary, revision: str) -> Heard:
    """What Gates and people say now about the release of one revision."""
    trouble = ""
    said, ours, train, holds = NOTHING, tuple[Gate, ...](), None, NOTHING_HOLDS
    try:
        said = await _said(wired, canary, revision)
        # After what people say: one that cannot be read here keeps nobody from an abort.
        gates = await _checked(wired, Gate, GATE, canary)
        freezes = await _checked(wired, Freeze, FREEZE, canary)
        train = held(await _trains(wired, canary), canary, time.time())
        ours = tuple(gates_for(gates, canary, wired.home))
        holds = _holding(wired, canary, ours, freezes, said)
    except SluiceError as error:
        trouble = f"gates and approvals cannot be read, so nothing goes forward: {error}"
    return Heard(ours, said, train, trouble, holds)


async def _said(wired: Connections, canary: Canary, revision: str) -> AskedFor:
    records = [one async for one in _read(wired, AuditRecord, AUDIT_RECORD, {canary.namespace}, canary.name)]
    begun = canary.status.begun_with
    return asked_for(about(records, canary.name, revision), begun.heard if begun else 0)


def _holding(
    wired: Connections, canary: Canary, gates: tuple[Gate, ...], freezes: list[Freeze], said: AskedFor
) -> Holding:
    return holding(
        gates,
        freezes,
        canary,
        datetime.fromtimestamp(time.time(), UTC),
        home=wired.home,
        cluster=wired.called,
        let_be=said.override,
        state_of=_state_of,
    )


def _state_of(gate: Gate, now: datetime) -> WindowState:
    """The state of a Gate's window, which is worked out once for all releases that look at it until it changes."""
    window = gate.spec.window
    assert window is not None  # noqa: S101 - asked of Gates that have one
    known = _states.get(id(window))
    if known is None or known[0] is not window or not known[1].holds_at(now):
        known = (
            window,
            window_state(window, now),
        )
        _states[id(window)] = known
    return known[1]


async def _trains(wired: Connections, canary: Canary) -> list[Train]:
    """The Trains that name a Canary, or that it is aboard of: a Train may be in any namespace."""
    items = await wired.informers.list(TRAIN, within=LISTED_WITHIN)
    found = (_parsed(Train, item) for item in items if names(item, canary.namespace, canary.name))
    return [one for one in found if isinstance(one, Train)]


async def newest_record(wired: Connections, canary: Canary) -> int:
    """The version of the newest record about a Canary that is known: all up to it are of before."""
    try:
        records = [one async for one in _read(wired, AuditRecord, AUDIT_RECORD, {canary.namespace}, canary.name)]
    except SluiceError:
        return 0
    return max((one.version for one in records), default=0)


def matters_to(canary: Canary) -> dict[Kind, Callable[[dict[str, Any]], bool]]:
    """Which objects of which kinds may matter to a Canary's release; for `Informers.noticing`."""
    name, namespace = canary.name, canary.namespace
    return {
        GATE: lambda item: True,
        FREEZE: lambda item: True,
        TRAIN: lambda item: names(item, namespace, name),
        AUDIT_RECORD: lambda item: item["metadata"].get("namespace") == namespace and _canary(item) == name,
    }


async def _read(wired: Connections, model: type[Any], kind: Kind, namespaces: set[str], canary: str = "") -> Any:
    for namespace in namespaces:
        for item in await wired.informers.list(kind, namespace, within=LISTED_WITHIN):
            if not canary or _canary(item) == canary:
                found = _parsed(model, item)
                if found is not None:
                    yield found


async def _checked(wired: Connections, model: type[Any], kind: Kind, canary: Canary) -> list[Any]:
    """The Gates or Freezes that may have a say in a Canary's releases.

    Raises:
        InvalidError: one of them is not valid. The API server knows nothing of time zones: what nobody can read may be the
            one that was to hold this release, and a typing error in it lets nothing through.
    """
    found = []
    for namespace in {canary.namespace, wired.home or canary.namespace}:
        for item in await wired.informers.list(kind, namespace, within=LISTED_WITHIN):
            one = _parsed(model, item)
            if one is not None:
                found.append(one)
            elif may_reach(item, canary, wired.home):
                model.parse(dict(item))
    return found


def _canary(item: Object) -> Any:
    return (item.get("spec") or {}).get("canary")


def _parsed(model: type[Manifest], item: Object) -> Manifest | None:
    uid = str(item["metadata"].get("uid"))
    known = _models.get(uid)
    if known is None or known[0] is not item:
        try:
            known = item, model.parse(dict(item))
        except InvalidError as error:
            log.error("%s; releases that it may be for wait until it is mended", error)
            known = item, None
        _models[uid] = known
    return known[1]
