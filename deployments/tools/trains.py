"""Trains at a terminal: what would happen at a departure, what becomes of a journey, and a departure by hand."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from blocks.connections import Connections
from blocks.kubernetes.kinds import CANARY, TRAIN
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.manifests.conditions import rfc3339
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import DEPART, Train
from sluice.trains.plan import Plan, plan
from sluice.trains.problems import Service, problems, services
from sluice.trains.timetable import departs

Lines = list[tuple[str, ...]]
HEAD = ("TRAIN", "PHASE", "DEPARTS", "SERVICES", "SAYS")
PLAN_HEAD = ("LEVEL", "SERVICE", "CANARY", "AFTER", "VERSION", "STATE", "WHY")


async def train_named(wired: Connections, name: str) -> Train:
    """The train that is asked for.

    Raises:
        InvalidError: the name is none, or the object is not valid.
        NotFoundError: there is no such train.
    """
    namespace, slash, short = name.partition("/")
    if not (namespace and slash and short) or "/" in short:
        raise InvalidError(f"{name!r} names no Train: write namespace/name, such as platform/monday")
    there = await wired.cluster.find(TRAIN, short, namespace)
    if there is None:
        raise NotFoundError(f"there is no Train {name}: `kubectl get trains -A` lists them")
    return Train.parse(there)


async def all_trains(wired: Connections, namespaces: Iterable[str | None]) -> list[Train]:
    """All trains that can be read."""
    return Train.valid([one for namespace in namespaces for one in await wired.cluster.list(TRAIN, namespace)])


async def planned(wired: Connections, name: str) -> Plan:
    """The plan of a train, as things are now. Nothing is written."""
    train = await train_named(wired, name)
    others = await all_trains(wired, (None,))
    canaries: dict[Service, Canary] = {}
    for namespace in {namespace for namespace, _ in services(train)} | {one.namespace for one in train.status.rides}:
        items = await wired.cluster.list(CANARY, namespace)
        canaries |= {(one.namespace, one.name): one for one in Canary.valid(items)}
    return plan(train, others, canaries, time.time(), own_namespace_only=wired.tenants.own_namespace_only)


async def depart(wired: Connections, name: str, by: str, reason: str) -> Train:
    """Ask for a departure by hand; the train as it was.

    Raises:
        TerminalError: it is under way, suspended, or has problems: nothing would come of it.
    """
    train = await train_named(wired, name)
    if train.under_way:
        raise TerminalError(f"{train} is under way: {train.status.message}")
    if train.spec.suspend:
        raise TerminalError(f"{train} is suspended: take spec.suspend away first")
    others = await all_trains(wired, (None,))
    if wrong := problems(train, others, own_namespace_only=wired.tenants.own_namespace_only):
        raise TerminalError(f"{train} does not depart: {'; '.join(wrong)}")
    wish = f"{rfc3339(datetime.now(UTC))} by {by}: {reason}"
    body = {"metadata": {"annotations": {DEPART: wish}}}
    await wired.cluster.patch(TRAIN, train.name, train.namespace, body)
    return train


def lines(trains: Iterable[Train]) -> Lines:
    """A line for each train."""
    now = time.time()
    return [
        (
            f"{one.namespace}/{one.name}",
            str(one.status.phase) or "New",
            "" if one.under_way else departs(one, now),
            str(len(one.spec.cars)),
            one.status.message,
        )
        for one in sorted(trains, key=lambda one: (one.namespace, one.name))
    ]


def plan_lines(found: Plan) -> Lines:
    """A line for each service of a plan, in their order."""
    return [
        (
            str(row.level or "-"),
            row.name,
            row.service,
            ", ".join(row.after),
            row.ride.version if row.ride else "",
            ("Boards" if row.ride.state == "Boarded" and not found.train.under_way else str(row.ride.state))
            if row.ride
            else "Stays",
            row.ride.reason if row.ride else row.why,
        )
        for row in found.rows
    ]
