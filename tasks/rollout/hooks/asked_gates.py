"""Ask all that has a say at one point of a rollout: the webhooks of the Canary, and the Gates of the cluster.

What a Gate has to remember is written into the journal before it acts, so that who goes on after a crash knows of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from blocks.gates.kinds.base import Asked, GateAnswer
from sluice.audit.own import own_record
from sluice.gates.points import Point
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gate_state import GateState
from sluice.rollout.journal import timestamp
from sluice.trains.observed import ALONE
from tasks.gates.heard import Heard, heard
from tasks.people.record_act import record_act
from tasks.scene.rollout_ref import RolloutRef, Scene

TRAIN = "Train "
"""How the journal's name of a train begins, which is no Gate."""


@dataclass(frozen=True, slots=True)
class Said:
    """What they said.

    Attributes:
        closed: what those that are closed said, for people; empty where all are open.
        only_gates: no webhook is closed.
        refused: a Gate that will not open for this revision, and why; empty where none has refused.
        muted: nobody wants to hear in chat of any of those that are closed (`muteAlert`).
        again: seconds after which asking again makes sense; None for the usual pace.
        announced: people are asked by messages of the Gates' own, and need no other.
    """

    closed: str = ""
    only_gates: bool = False
    refused: str = ""
    again: float | None = None
    muted: bool = False
    announced: bool = False


async def asked_all(scene: Scene, ref: RolloutRef, point: Point) -> Said:
    """Ask them, side by side."""
    now = await heard(scene.wired, scene.canary, ref.revision)
    mine = [gate for gate in now.gates if point.type in gate.spec.at]
    (hooks, muted), answers = await asyncio.gather(_webhooks(scene, point), _gates(scene, ref, point, now, mine))
    closed = [(gate, answer) for gate, answer in zip(mine, answers, strict=True) if not answer.open]
    refused = next((f"gate {gate.name} refused: {answer.said}" for gate, answer in closed if answer.refused), "")
    lines = [*hooks, *(_line(gate, answer) for gate, answer in closed), *([now.trouble] if now.trouble else [])]
    train = now.train.said_at(point.type) if now.train else ""
    await _note_train(scene, point, now, alone=not lines)
    lines += [train] if train else []
    pauses = [answer.again for _, answer in closed]
    again = None if hooks or now.trouble else min((one for one in pauses if one is not None), default=None)
    muted = muted and not closed and not now.trouble
    announced = not hooks and not now.trouble and all(answer.announced for _, answer in closed)
    pause = None if None in pauses else again
    return Said("; ".join(lines), not hooks, refused, pause, muted=muted, announced=announced)


async def _note_train(scene: Scene, point: Point, now: Heard, *, alone: bool) -> None:
    """Keep in the journal that the release waits for its train, and whether for nothing else: the train goes by that."""
    if now.train is None:
        return
    said, states = now.train.said_at(point.type), scene.canary.status.gates
    fresh = GateState(gate=f"{TRAIN}{now.train.train}", point=point.type, since=time.time())
    known = next((one for one in states if (one.gate, one.point) == (fresh.gate, fresh.point)), fresh)
    # What it says changes with the hour of the bell: that alone is no reason to write.
    asked = {"open": not said, "kept": {ALONE: alone} if said else {}}
    state = known.model_copy(update=asked)
    if known is fresh or state != known:
        state = state.model_copy(update={"said": said})
    await _keep(scene, [one for one in states if not one.gate.startswith(TRAIN)], [state])


def _line(gate: Gate, answer: GateAnswer) -> str:
    return ": ".join(one for one in (gate.name, answer.said, gate.spec.message) if one)


async def _webhooks(scene: Scene, point: Point) -> tuple[list[str], bool]:
    """What the webhooks that did not open said, and whether all of these are muted."""
    closed, muted = [], True
    for webhook in scene.canary.webhooks(point.type):
        answer = await scene.wired.gates.ask(webhook, scene.canary)
        if not answer.open:
            closed.append(f"{answer.gate}: {answer.said}")
            muted = muted and webhook.mute_alert
    return closed, muted


async def _gates(scene: Scene, ref: RolloutRef, point: Point, now: Heard, gates: list[Gate]) -> list[GateAnswer]:
    """What the Gates say, after each of them has done what it had to do."""
    if not gates:
        return []
    asked = [_question(scene, ref, point, now, gate) for gate in gates]
    kinds = scene.wired.gate_kinds
    answers = list(await asyncio.gather(*(kinds.ask(one) for one in asked)))
    asked = [_kept(one, answer) for one, answer in zip(asked, answers, strict=True)]
    await _write(scene, asked)
    for index, answer in enumerate(answers):
        if answer.acts:
            answers[index] = await kinds.act(asked[index])
            asked[index] = _kept(asked[index], answers[index])
    await _write(scene, asked)
    for gate, answer in zip(gates, answers, strict=True):
        if answer.did:
            await record_act(
                own_record(scene.canary, answer.did, timestamp(time.time()), reason=answer.said, gate=gate.key)
            )
    return answers


def _question(scene: Scene, ref: RolloutRef, point: Point, now: Heard, gate: Gate) -> Asked:
    at = time.time()
    fresh = GateState(gate=gate.key, uid=gate.metadata.uid, point=point.type, since=at)
    mine = (fresh.gate, fresh.uid, fresh.point)
    states = scene.canary.status.gates
    state = next((one for one in states if (one.gate, one.uid, one.point) == mine), fresh)
    return Asked(gate, scene.canary, point.type, ref.revision, ref.version, at, state, now.said)


def _kept(asked: Asked, answer: GateAnswer) -> Asked:
    kept = asked.state.kept if answer.keep is None else dict(answer.keep)
    state = asked.state.model_copy(update={"kept": kept, "open": answer.open, "said": answer.said})
    return replace(asked, state=state)


async def _write(scene: Scene, asked: list[Asked]) -> None:
    """Write what the Gates have to remember into the journal, where it is not there yet."""
    states = [one.state for one in asked]
    mine = set(_by_what(states))
    await _keep(scene, [one for one in scene.canary.status.gates if (one.gate, one.point) not in mine], states)


async def _keep(scene: Scene, others: Iterable[GateState], states: Iterable[GateState]) -> None:
    """Write the states of these Gates, and of others, where the journal has not just that."""
    wanted = [*others, *states]
    if _by_what(wanted) != _by_what(scene.canary.status.gates):
        await scene.write({"status": {"gates": [one.model_dump(mode="json", by_alias=True) for one in wanted]}})


def _by_what(states: Iterable[GateState]) -> dict[tuple[str, str], GateState]:
    """The states by what they are of: their order says nothing."""
    return {(one.gate, one.point): one for one in states}
