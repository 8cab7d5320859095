"""Trains and the Canaries of their services, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sluice.manifests.conditions import rfc3339
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import Train
from sluice.trains.problems import Service
from tests.samples import canary_manifest, merged

PLATFORM, TEAM = "platform", "shop"
NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC).timestamp()
"""A Monday, nine in the morning in Berlin."""
CHAIN = ("db", ("api", "db"), ("web", "api"), "mail")
"""A name, or a name and what it comes after."""
Object = dict[str, Any]


def train_manifest(
    *cars: str | tuple[str, ...], name: str = "monday", status: Object | None = None, **spec: Any
) -> Object:
    """A Train of these cars, in another namespace than its services."""
    listed = []
    for car in cars or CHAIN:
        called, *after = (car,) if isinstance(car, str) else car
        listed.append({"canary": called, "namespace": TEAM, **({"after": after} if after else {})})
    meta = {"name": name, "namespace": PLATFORM, "uid": f"uid-{name}", "resourceVersion": "1", "generation": 1}
    meta["creationTimestamp"] = "2026-11-01T00:00:00Z"
    made = {"apiVersion": "sluice.dev/v1alpha1", "kind": "Train", "metadata": meta, "spec": {"cars": listed} | spec}
    return made | ({"status": status} if status else {})


def train(*cars: str | tuple[str, ...], **spec: Any) -> Train:
    """The same as a model."""
    return Train.parse(train_manifest(*cars, **spec))


def car_manifest(
    name: str, phase: str = "Waiting", version: str = "1.1.0", since: float = NOW, **status: Any
) -> Object:
    """The Canary of a service that waits at its train with a new version."""
    said = {
        "phase": phase,
        "lastAppliedSpec": f"{name}-{version}",
        "lastPromotedSpec": f"{name}-1.0.0",
        "lastTransitionTime": rfc3339(datetime.fromtimestamp(since, UTC)),
        "begunWith": {"version": version, "targetRef": {"kind": "Deployment", "name": name}},
    }
    made = merged(canary_manifest(name=name), {"metadata": {"namespace": TEAM, "uid": f"uid-{name}"}})
    return made | {"status": said | status}


def rested(name: str, version: str = "1.0.0") -> Object:
    """The Canary of a service that has nothing new."""
    revision = f"{name}-{version}"
    return car_manifest(name, "Succeeded", version, lastAppliedSpec=revision, lastPromotedSpec=revision)


def canaries(*manifests: Object) -> dict[Service, Canary]:
    """By namespace and name."""
    return {(one.namespace, one.name): one for one in map(Canary.parse, manifests)}
