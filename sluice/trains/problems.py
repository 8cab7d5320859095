"""What is wrong with a Train: it does not depart then, and says so. Its services wait all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from sluice.errors import InvalidError
from sluice.images.ranges import parse_range
from sluice.manifests.own.train import Boarding, Car, Fate, Promotion, Train
from sluice.manifests.selector import selector
from sluice.trains.order import circle, order_of
from sluice.trains.timetable import check

Service = tuple[str, str]
"""Namespace and name of a Canary."""


def problems(train: Train, others: Iterable[Train] = (), *, own_namespace_only: bool = False) -> tuple[str, ...]:
    """What keeps a Train from departing, each with its field and the way out.

    Args:
        others: all Trains there are.
        own_namespace_only: this installation lets no object name one of another namespace.
    """
    return (*_cars(train), *_rules(train), *_elsewhere(train, own_namespace_only), *_taken(train, others))


def services(train: Train) -> dict[Service, Car]:
    """Its services by their Canaries."""
    return {(train.namespace_of(car), car.canary): car for car in reversed(train.spec.cars)}


def owner_of(service: Service, trains: Iterable[Train]) -> Train | None:
    """The Train that a service belongs to: the one under way that it is aboard of, whatever became of the manifest since;
    else the oldest of those that name it. None where there is none."""
    naming = [one for one in trains if service in services(one) or is_aboard(service, one)]
    return min(
        naming,
        key=lambda one: (not is_aboard(service, one), one.created, one.namespace, one.name),
        default=None,
    )


def is_aboard(service: Service, train: Train) -> bool:
    """Whether a train is under way with that service."""
    return train.under_way and any((ride.namespace, ride.canary) == service for ride in train.status.rides)


def _cars(train: Train) -> Iterator[str]:
    cars = train.spec.cars
    known = {car.called for car in cars}
    for name, times in Counter(car.called for car in cars).items():
        if times > 1:
            yield f"spec.cars: {name} is there {times} times: give each a `name` of its own"
    for (namespace, canary), times in Counter((train.namespace_of(car), car.canary) for car in cars).items():
        if times > 1:
            yield f"spec.cars: Canary {namespace}/{canary} is there {times} times: once is enough"
    for index, car in enumerate(cars):
        for other in car.after:
            if other not in known:
                yield f"spec.cars[{index}].after: {car.called} comes after {other}, which is no car of this train"
    found = circle(order_of(cars))
    if found:
        round_ = " → ".join(found)
        yield f"spec.cars: {round_} go round in a circle: take one `after` of them away"


def _rules(train: Train) -> Iterator[str]:
    spec = train.spec
    if spec.fate is Fate.PARTIAL and spec.promotion is Promotion.TOGETHER:
        yield "spec.promotion: together needs fate one: with fate partial write in-order, or nothing"
    for index, departure in enumerate(spec.departures):
        try:
            check(departure, f"spec.departures[{index}]")
        except InvalidError as error:
            yield str(error)
    yield from _boarding(spec.boarding, "spec.boarding")
    for index, car in enumerate(spec.cars):
        if car.boarding:
            yield from _boarding(car.boarding, f"spec.cars[{index}].boarding")


def _boarding(rules: Boarding, field: str) -> Iterator[str]:
    try:
        parse_range(rules.version or "*", field=f"{field}.version")
    except InvalidError as error:
        yield str(error)
    try:
        selector(rules.selector)
    except InvalidError as error:
        yield f"{field}.selector: {error}"


def _elsewhere(train: Train, own_namespace_only: bool) -> Iterator[str]:
    for index, car in enumerate(train.spec.cars if own_namespace_only else ()):
        if car.namespace not in {"", train.namespace}:
            yield (
                f"spec.cars[{index}].namespace: {car.namespace} is another namespace, and this installation refuses that "
                "(SLUICE_NO_CROSS_NAMESPACE_REFS)"
            )


def _taken(train: Train, others: Iterable[Train]) -> Iterator[str]:
    known = [*(one for one in others if one.metadata.uid != train.metadata.uid), train]
    for namespace, canary in services(train):
        owner = owner_of((namespace, canary), known)
        if owner is not None and owner is not train:
            yield f"spec.cars: Canary {namespace}/{canary} is in {owner} already: a service has one train"
