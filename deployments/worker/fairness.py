"""Which of the flow runs that are due a worker takes first, when there are more than it has room for.

- Each queue has room of its own: short flows never wait behind rollouts, which last for hours.
- Within a queue, the owner of the fewest runs has the next turn: a namespace that releases a thousand services at once does
  not keep the one service of another waiting. Among equals the oldest goes first, so that everybody gets a turn.
- Of several runs that wait for one Canary only the newest matters: a rollout takes what the target holds when it starts.
- Of several syncs that wait for one reference of one source only the newest matters: it takes what is there when it starts,
  and ten Kustomizations that are applied with their source are eleven events.
- Of several runs of one deployment that the clock started the newest stands for all: the looks that a busy worker put off
  for minutes would all see the same cluster.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun

from deployments.workflows import Queue

OWNERS = ("namespace", "image", "url")
"""Parameters that say on whose behalf a run is: the first that it has counts."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a worker does with the runs that are due.

    Attributes:
        take: runs to start, in this order.
        superseded: runs that another one stands in for, each with that other one.
        late: runs of the clock that a later one stands for: nobody has to know of them.
    """

    take: list[FlowRun]
    superseded: list[tuple[FlowRun, FlowRun]]
    late: list[FlowRun] = field(default_factory=list)


def choose(due: Mapping[Queue, Sequence[FlowRun]], carried: Iterable[FlowRun], room: Mapping[Queue, int]) -> Choice:
    """Choose among the due runs of each queue.

    Args:
        due: by queue.
        carried: what the worker runs already.
        room: how many more runs of each queue it can hold.
    """
    has = Counter(owner(run) for run in carried)
    take: list[FlowRun] = []
    superseded: list[tuple[FlowRun, FlowRun]] = []
    late: list[FlowRun] = []
    for queue, runs in due.items():
        waiting, replaced = newest(runs)
        waiting, needless = one_look(waiting)
        superseded += replaced
        late += needless
        turns: list[tuple[int, int, FlowRun]] = []
        ahead = Counter(has)
        for run in waiting:
            turns.append((ahead[owner(run)], len(turns), run))
            ahead[owner(run)] += 1
        take += [run for _, _, run in sorted(turns, key=lambda turn: turn[:2])[: max(0, room.get(queue, 0))]]
    return Choice(take, superseded, late)


def newest(runs: Iterable[FlowRun]) -> tuple[list[FlowRun], list[tuple[FlowRun, FlowRun]]]:
    """The runs, oldest first, without those that a newer run for the same Canary or source stands in for; and those.

    A run that somebody started to try a revision again is never left out: it can do what the others cannot.
    """
    ordered = sorted(runs, key=_since)
    last = {key: run for run in ordered if (key := about(run))}
    kept, replaced = [], []
    for run in ordered:
        key = about(run)
        if key and last[key].id != run.id and not run.parameters.get("retry_refused"):
            replaced.append((run, last[key]))
        else:
            kept.append(run)
    return kept, replaced


def one_look(runs: Sequence[FlowRun]) -> tuple[list[FlowRun], list[FlowRun]]:
    """The runs without those that the clock started and a later one, with the same parameters, stands for; and those.

    Args:
        runs: oldest first.
    """
    kept, late = list[FlowRun](), list[FlowRun]()
    last = {_what(run): run.id for run in runs}
    for run in runs:
        (late if run.auto_scheduled and last[_what(run)] != run.id else kept).append(run)
    return kept, late


def _what(run: FlowRun) -> tuple[str, str]:
    return str(run.deployment_id), json.dumps(run.parameters, sort_keys=True, default=str)


def owner(run: FlowRun) -> tuple[str, str]:
    """On whose behalf a run is: its flow, and the namespace, image or repository that it is about."""
    about = next((str(run.parameters[name]) for name in OWNERS if run.parameters.get(name)), "")
    return str(run.deployment_id), about


def about(run: FlowRun) -> tuple[str, ...] | None:
    """What a run is for, where a newer one for it does all that it would do: a Canary, or what is asked of a source."""
    namespace, name = run.parameters.get("namespace"), run.parameters.get("canary")
    if namespace and name:
        return str(run.deployment_id), str(namespace), str(name)
    return _what(run) if run.parameters.get("url") and not run.auto_scheduled else None


def _since(run: FlowRun) -> tuple[datetime, datetime]:
    first = datetime.min.replace(tzinfo=UTC)
    return run.expected_start_time or first, run.created or first
