"""The plan of a train before its departure: its levels, who boards with which version, who stays and why; and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import Car, CarState, Fate, Promotion, Ride, Train
from sluice.trains.boarding import boarded
from sluice.trains.order import Order, levels, order_of
from sluice.trains.problems import Service, problems
from sluice.trains.timetable import departs

OUTSIDE = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\n": " "}
"""What means something in a text of a Mermaid diagram, and how it is written there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One service of a plan.

    Attributes:
        level: counted from 1; 0 where the order goes round in a circle.
        ride: with its state; None for one that stays.
        why: it stays.
    """

    level: int
    name: str
    service: str
    after: tuple[str, ...]
    ride: Ride | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan.

    Attributes:
        train: what it is of.
        says: when it departs and what holds for it, in a sentence.
        wrong: what keeps it from departing.
    """

    train: Train
    says: str
    rows: tuple[Row, ...]
    wrong: tuple[str, ...]


def plan(
    train: Train,
    others: Iterable[Train],
    canaries: Mapping[Service, Canary],
    now: float,
    *,
    own_namespace_only: bool = False,
) -> Plan:
    """What would happen if it departed now; of a train under way, who is aboard."""
    wrong = problems(train, others, own_namespace_only=own_namespace_only)
    order = order_of(train.spec.cars)
    cars = {car.called: car for car in train.spec.cars}
    if train.under_way:
        rides, stayed = train.status.rides, train.status.stayed
        cars |= {ride.name: Car(canary=ride.canary, namespace=ride.namespace, after=ride.after) for ride in rides}
        order = order_of_journey(order, rides)
    elif wrong:
        return Plan(train, _says(train, now), _unordered(train, cars), wrong)
    else:
        found = boarded(train, canaries, now)
        rides, stayed = found.rides, found.stayed
    by_name = {ride.name: ride for ride in rides}
    rows = tuple(
        Row(
            level=number,
            name=name,
            service=f"{train.namespace_of(cars[name])}/{cars[name].canary}",
            after=order[name],
            ride=by_name.get(name),
            why="" if name in by_name else stayed.get(name, "boards at the next departure"),
        )
        for number, level in enumerate(levels(order), 1)
        for name in level
    )
    return Plan(train, _says(train, now), rows, wrong)


def order_of_journey(order: Order, rides: Iterable[Ride]) -> dict[str, tuple[str, ...]]:
    """The order of a journey under way, whatever became of the manifest: who is aboard goes by the journal."""
    known = {ride.name: ride.after for ride in rides}
    others = {name: tuple(one for one in after if one in order) for name, after in order.items() if name not in known}
    try:
        levels(both := known | others)
    except ValueError:  # somebody has made a circle since
        return known | dict.fromkeys(others, ())
    return both


def mermaid(found: Plan) -> str:
    """A picture of the plan, as Mermaid draws it: in GitHub, GitLab, Markdown artifacts of Prefect, and mermaid.live."""
    ids = {row.name: f"c{index}" for index, row in enumerate(found.rows)}
    lines = ["flowchart LR"]
    for level in sorted({row.level for row in found.rows}):
        lines.append(f'  subgraph l{level}["level {level}"]')
        here = (row for row in found.rows if row.level == level)
        lines += [f'    {ids[row.name]}["{_text(_label(row))}"]:::{_look(row)}' for row in here]
        lines.append("  end")
    lines += [f"  {ids[one]} --> {ids[row.name]}" for row in found.rows for one in row.after if one in ids]
    looks = {
        "boards": "fill:#d8f5d8,stroke:#2b8a2b,color:#111",
        "rides": "fill:#d8e8ff,stroke:#2b5a9a,color:#111",
        "done": "fill:#2b8a2b,stroke:#1b5a1b,color:#fff",
        "failed": "fill:#ffd8d8,stroke:#9a2b2b,color:#111",
        "stays": "fill:#eee,stroke:#999,color:#666,stroke-dasharray:4",
    }
    return "\n".join([*lines, *(f"  classDef {name} {style}" for name, style in looks.items())]) + "\n"


def _says(train: Train, now: float) -> str:
    spec, status = train.spec, train.status
    fate, promotion = (status.fate, status.promotion) if train.under_way else (spec.fate, spec.promotes)
    rules = {
        (Fate.ONE, Promotion.TOGETHER): "one fate: promoted once all have passed; all go home if one fails",
        (Fate.ONE, Promotion.IN_ORDER): "one fate: promoted one after the other; all go home if one fails",
        (Fate.PARTIAL, Promotion.IN_ORDER): "partial: what comes after a failed one stays, the rest goes on",
    }[(fate, promotion)]
    when = f"is {status.phase}: {status.message}" if train.under_way else departs(train, now)
    return f"{train} {when}; {spec.lanes} lanes; {rules}"


def _unordered(train: Train, cars: Mapping[str, Car]) -> tuple[Row, ...]:
    """Of a train that does not depart: all its services stay."""
    return tuple(
        Row(0, name, f"{train.namespace_of(car)}/{car.canary}", car.after, None, "the train does not depart")
        for name, car in cars.items()
    )


def _label(row: Row) -> str:
    if row.ride is None:
        return f"{row.name}: {row.why}"
    state = "" if row.ride.state is CarState.BOARDED else f" {row.ride.state}"
    return f"{row.name} {row.ride.version}{state}"


def _look(row: Row) -> str:
    if row.ride is None:
        return "stays"
    return {
        CarState.BOARDED: "boards",
        CarState.PROMOTED: "done",
        CarState.FAILED: "failed",
        CarState.HOMEWARD: "failed",
        CarState.HOME: "stays",
        CarState.STAYED: "stays",
        CarState.KEPT: "failed",
    }.get(row.ride.state, "rides")


def _text(text: str) -> str:
    for sign, written in OUTSIDE.items():
        text = text.replace(sign, written)
    return text
