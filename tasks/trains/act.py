"""Do what was decided for a Train: one write, of its journal or of its finalizer, and tell people."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prefect.artifacts import acreate_markdown_artifact

from blocks.connections import connections
from sluice.errors import NotFoundError, StaleError
from sluice.events.model import TargetChanged
from sluice.manifests.own.train import FINALIZER, CarState, Ride, Train, TrainPhase
from sluice.notices.message import SEVERITIES, Message, Occasion
from sluice.trains.journey import Act, Decision
from sluice.trains.plan import mermaid, plan
from tasks.people.leave_event import leave_event
from tasks.stage import stage
from tasks.trains.scene import Looked, TrainRef, write, write_finalizers
from tasks.upkeep.post_events import post_events

AGAIN = 30
"""Seconds in which one event at most asks for a rollout that is to take a promotion back."""
OCCASIONS = {
    TrainPhase.RUNNING: Occasion.DEPARTED,
    TrainPhase.RETURNING: Occasion.RETURNING,
    TrainPhase.ARRIVED: Occasion.ARRIVED,
    TrainPhase.RETURNED: Occasion.RETURNED,
}
WARNINGS = {TrainPhase.RETURNING, TrainPhase.RETURNED}


@stage("act on a train", run_name="{decision.act} {ref}: {decision.reason}")
async def act_on_train(ref: TrainRef, now: Looked, decision: Decision) -> bool:
    """Write what was decided; False where somebody was faster, and it has to be decided once more.

    Raises:
        LostError: the right to act cannot be proven now.
    """
    train = now.train
    try:
        if decision.act is Act.WRITE:
            await write(train, decision.status)
        else:
            others = tuple(one for one in train.metadata.finalizers if one != FINALIZER)
            await write_finalizers(train, (*others, FINALIZER) if decision.act is Act.KEEP else others)
    except NotFoundError:
        return False  # it is gone, as the next look says
    except StaleError:
        return False
    if decision.act is Act.WRITE and decision.status.phase is not train.status.phase:
        phase = decision.status.phase
        await leave_event(train, str(phase), decision.reason, warning=phase in WARNINGS)
    return True


@stage("announce a train", run_name="announce: {decision.status.phase} {ref}", delays=[1.0])
async def announce_train(ref: TrainRef, now: Looked, decision: Decision) -> bool:
    """Post to the channel what became of a Train; False where this installation has none, or nothing became of it."""
    chat, occasion = connections().chat, OCCASIONS.get(decision.status.phase)
    if chat is None or occasion is None:
        return False
    await chat.say(
        Message(
            severity=SEVERITIES[occasion],
            occasion=occasion,
            subject=f"{ref.namespace}/{ref.name}",
            version=f"{len(decision.status.rides)} services",
            reason=decision.reason,
            facts=_facts(decision.status.rides),
        )
    )
    return True


@stage("draw a train", run_name="draw {ref}", delays=[1.0])
async def draw_train(ref: TrainRef, now: Looked, decision: Decision) -> None:
    """Keep the picture of a journey with the run, as a Markdown artifact."""
    train = now.train.model_copy(update={"status": decision.status})
    drawn = mermaid(plan(train, now.others, now.canaries, now.now))
    key = "".join(letter if letter.isalnum() else "-" for letter in f"train-{ref.namespace}-{ref.name}").lower()
    text = f"{decision.reason}\n\n```mermaid\n{drawn}```\n"
    await acreate_markdown_artifact(markdown=text, key=key, description=f"Train {ref.namespace}/{ref.name}")


@stage("call back", run_name="call back those that {ref} has promoted", delays=[1.0])
async def call_back(ref: TrainRef, events: list[TargetChanged]) -> int:
    """Start the rollouts that take promotions back, where none is under way; returns how many were asked for."""
    return len(await post_events.fn(events))


def to_call_back(now: Looked) -> list[TargetChanged]:
    """An event for each service that is to be rolled back, and whose rollout is at rest."""
    found = []
    for ride in now.train.status.rides:
        canary = now.canaries.get((ride.namespace, ride.canary))
        if ride.state is CarState.HOMEWARD and canary and canary.status.last_promoted_spec == ride.revision:
            found.append(_called(now.train, ride))
    return found


def _called(train: Train, ride: Ride) -> TargetChanged:
    delivery = f"{train.metadata.uid}/{train.status.departed:g}/{ride.name}/{int(time.time() // AGAIN)}"
    return TargetChanged(
        delivery=delivery, namespace=ride.namespace, canary=ride.canary, revision=ride.revision, version=ride.version
    )


def _facts(rides: Iterable[Ride]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for ride in rides:
        found.setdefault(str(ride.state), []).append(f"{ride.name} {ride.version}")
    return {state: ", ".join(names)[:200] for state, names in found.items()}
