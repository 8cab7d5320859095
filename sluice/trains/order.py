"""The order of a train's services: their levels, and who comes after whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

from sluice.manifests.own.train import Car

Order = Mapping[str, tuple[str, ...]]
"""Each service and those that it comes after."""


def order_of(cars: Iterable[Car]) -> dict[str, tuple[str, ...]]:
    """The order that a manifest asks for."""
    return {car.called: car.after for car in cars}


def circle(order: Order) -> tuple[str, ...]:
    """Services that each come after the next one, the first one once more at the end; empty where there is no circle."""
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def levels(order: Order) -> list[tuple[str, ...]]:
    """The services level by level: each comes after services of earlier levels alone.

    Raises:
        CycleError: they go round in a circle.
    """
    sorter, found = TopologicalSorter(order), []
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        level = tuple(sorted(one for one in ready if one in order))
        if level:
            found.append(level)
    return found


def aboard(order: Order, names: Set[str]) -> dict[str, tuple[str, ...]]:
    """The order among some of the services: where one is left out, what it came after takes its place."""
    found: dict[str, tuple[str, ...]] = {}
    for level in levels(order):
        for name in level:
            before: dict[str, None] = {}
            for one in order[name]:
                before |= dict.fromkeys((one,) if one in names else found.get(one, ()))
            found[name] = tuple(before)
    return {name: after for name, after in found.items() if name in names}
