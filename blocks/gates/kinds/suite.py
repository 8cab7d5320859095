"""A Gate that is an end-to-end suite: started once for each release of a revision, and asked about until it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from blocks.gates.kinds.base import Asked, GateAnswer, Ways
from blocks.suites.base import Launch, Reach, Started, Suite, UnclearError
from blocks.suites.table import SUITES, Row
from sluice.durations import in_words
from sluice.errors import NotFoundError, SluiceError, TransientError
from sluice.gates.suite import SEEN_WITHIN, SLOWEST, Outcome, Stage, SuiteState, after, intended
from sluice.manifests.flagger.side import Side
from sluice.manifests.own.audit_record import Act
from sluice.manifests.own.gates.suite import SuiteSpec
from sluice.recent import Recent
from sluice.rollout.services import service_of

LOOKS = 2000
"""Suites whose last look is known: what is asked again before its time is not asked of the service."""


@dataclass(frozen=True, slots=True)
class SuiteGate:
    """Starts suites, and waits for them."""

    reach: Reach
    table: Mapping[str, Row] = field(default_factory=lambda: SUITES)
    _made: dict[str, Suite] = field(default_factory=dict)
    _looks: Recent[tuple[str, str], tuple[float, GateAnswer]] = field(default_factory=lambda: Recent(LOOKS))

    @classmethod
    def of(cls, ways: Ways) -> SuiteGate:
        """It, of what a Gate may reach."""
        return cls(Reach(ways.cluster, ways.http))

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open once the suite has passed."""
        state = SuiteState.of(asked.state.kept) or _elsewhere(asked)
        if state is None:
            return _intends(intended(asked.canary.metadata.uid, asked.revision, _gate(asked), asked.now))
        if state.ended:
            return _ended(state)
        if state.stage is Stage.OVER:
            return _over(state)
        if asked.waited >= _spec(asked).timeout:
            said = f"it did not end within {in_words(_spec(asked).timeout)}"
            return _over(state.to(Stage.OVER, at=asked.now, said=said))
        due, answer = self._looks.get((state.key, state.stage), (0.0, None))
        if answer is not None and asked.now < due:
            return replace(answer, again=due - asked.now)
        answer = _in_time(asked, _noted(state, await self._looked(asked, state)))
        if answer.again:
            self._looks[state.key, state.stage] = asked.now + answer.again, answer
        return answer

    async def _looked(self, asked: Asked, state: SuiteState) -> GateAnswer:
        """One look: what could not be asked now is asked later, and says why."""
        try:
            return await self._look(asked, state)
        except TransientError as error:
            return _closed(state, str(error), max(state.pace(asked.now), error.retry_after or 0.0))
        except SluiceError as error:
            return _closed(state, str(error), SLOWEST)

    async def _look(self, asked: Asked, state: SuiteState) -> GateAnswer:
        suite, launch = self._suite(asked), _launch(asked, state)
        if state.stage is Stage.RUNNING:
            return await _progress(suite, launch, asked, state)
        if state.stage is Stage.INTENDED:
            state = state.to(Stage.SOUGHT, at=asked.now)
        try:
            found = await suite.find(launch)
        except UnclearError as error:
            return _ended(state.to(Stage.REFUSED, at=asked.now, said=str(error)))
        if found:
            return _runs(_running(state, found, asked.now), asked.now)
        return _not_found(suite, asked, state)

    async def act(self, asked: Asked) -> GateAnswer:
        """Start it, or cancel it."""
        state = SuiteState.of(asked.state.kept)
        assert state is not None  # noqa: S101 - `ask` has just had it written
        suite, launch = self._suite(asked), _launch(asked, state)
        if state.stage is Stage.OVER:
            return _noted(state, await _cancelled(suite, launch, state, asked.now))
        try:
            started = await suite.start(launch)
        except SluiceError as error:
            # Whether it was started is looked up next time, whatever the service said.
            again = SLOWEST if not isinstance(error, TransientError) else max(suite.settles, error.retry_after or 5.0)
            return _in_time(asked, _closed(replace(state, said=str(error)), str(error), again))
        return _noted(state, _runs(_running(state, started, asked.now), asked.now))

    def _suite(self, asked: Asked) -> Suite:
        runner = _spec(asked).runner
        if runner not in self._made:
            self._made[runner] = self.table[runner](self.reach)
        return self._made[runner]


def _noted(before: SuiteState, answer: GateAnswer) -> GateAnswer:
    """The answer, with what the audit trail is to have of it."""
    now = SuiteState.of(answer.keep or {}) or before
    if now.ended and not before.ended:
        return replace(answer, did=Act.SUITE_ENDED)
    started = {Stage.ACCEPTED, Stage.RUNNING}
    return replace(answer, did=Act.SUITE_STARTED) if now.stage in started and before.stage not in started else answer


def _in_time(asked: Asked, answer: GateAnswer) -> GateAnswer:
    """The answer, to be asked for again when the suite's time is over at the latest, however long its service wants."""
    left = max(_spec(asked).timeout - asked.waited, 0.0)
    return answer if answer.again is None else replace(answer, again=min(answer.again, left))


async def _progress(suite: Suite, launch: Launch, asked: Asked, state: SuiteState) -> GateAnswer:
    try:
        found = await suite.progress(launch, state.id)
        outcome, said, url = found.outcome, found.said, found.url
    except NotFoundError as error:
        outcome, said, url = Outcome.BROKEN, f"it is gone: {error}", ""
    state = replace(state, url=url or state.url)
    state = after(state, outcome, said, _spec(asked).attempts, asked.now)
    if state.stage is Stage.INTENDED:
        return _intends(state)
    return _ended(state) if state.ended else _runs(state, asked.now, said)


def _not_found(suite: Suite, asked: Asked, state: SuiteState) -> GateAnswer:
    """What follows where no run with the key is there."""
    waited = asked.now - state.at
    if state.stage is Stage.SOUGHT and waited >= suite.settles:
        return _intends(state.to(Stage.INTENDED, at=asked.now))
    if state.stage is Stage.ACCEPTED and waited >= SEEN_WITHIN:
        said = (
            f"its start was accepted, and no run with {state.key} in its title was seen within {in_words(SEEN_WITHIN)}"
        )
        return _ended(state.to(Stage.REFUSED, at=asked.now, said=said))
    left = max(suite.settles - waited, 1.0) if state.stage is Stage.SOUGHT else state.pace(asked.now)
    return _closed(state, state.said or "whether it was started is looked up", left)


async def _cancelled(suite: Suite, launch: Launch, state: SuiteState, now: float) -> GateAnswer:
    said = state.said
    if state.id:
        try:
            await suite.cancel(launch, state.id)
        except SluiceError as error:
            said = f"{said}; it could not be cancelled: {error}"
    return _ended(state.to(Stage.REFUSED, at=now, said=said))


def _intends(state: SuiteState) -> GateAnswer:
    return GateAnswer(False, _with(f"starts {state.key}", state.said), keep=state.kept, acts=True)


def _running(state: SuiteState, started: Started, now: float) -> SuiteState:
    stage = Stage.RUNNING if started.id else Stage.ACCEPTED
    return state if stage is state.stage else state.to(stage, at=now, id=started.id, url=started.url or state.url)


def _runs(state: SuiteState, now: float, said: str = "") -> GateAnswer:
    which = "" if state.attempt == 1 else f", attempt {state.attempt}"
    return _closed(state, f"the suite runs{which}{f': {said}' if said else ''}", state.pace(now))


def _closed(state: SuiteState, said: str, again: float) -> GateAnswer:
    return GateAnswer(False, _with(said, state.url), keep=state.kept, again=again)


def _over(state: SuiteState) -> GateAnswer:
    return GateAnswer(False, _with(state.said, state.url), keep=state.kept, acts=True)


def _ended(state: SuiteState) -> GateAnswer:
    passed = state.stage is Stage.PASSED
    said = "the suite passed" if passed else f"the suite did not pass: {state.said}"
    return GateAnswer(passed, _with(said, state.url), refused=not passed, keep=state.kept)


def _with(said: str, more: str) -> str:
    return f"{said} ({more})" if more else said


def _elsewhere(asked: Asked) -> SuiteState | None:
    """What became of it at an earlier point of the same release: one suite for all points."""
    mine = (asked.state.gate, asked.state.uid)
    states = (SuiteState.of(one.kept) for one in asked.canary.status.gates if (one.gate, one.uid) == mine)
    return next((state for state in states if state), None)


def _spec(asked: Asked) -> SuiteSpec:
    assert asked.gate.spec.suite is not None  # noqa: S101 - the table gives a Gate to the kind that it names
    return asked.gate.spec.suite


def _gate(asked: Asked) -> str:
    return asked.gate.metadata.uid or asked.gate.key


def _launch(asked: Asked, state: SuiteState) -> Launch:
    canary = asked.canary
    service = service_of(canary, Side.CANARY)
    values = {
        "canary": canary.name,
        "namespace": canary.namespace,
        "service": canary.service_name,
        "revision": asked.revision,
        "version": asked.version,
        "gate": asked.gate.key,
        "key": state.key,
        "url": f"http://{service}.{canary.namespace}:{canary.spec.service.port}",
    }
    return Launch(asked.gate, state.key, state.since, asked.now, values)
