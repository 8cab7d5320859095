"""One run of a rollout: what it knows besides what the journal says, how it runs stages, and how it posts to people."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from prefect import Task

from blocks.connections import connections
from sluice.audit.acts import recorded
from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.notices.message import Occasion
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.news import News, news_of
from sluice.rollout.result import StageResult, StepResult, after
from sluice.rollout.safety.effects import Effects
from tasks.marks.mark import is_wanted, mark
from tasks.people.close_questions import close_questions
from tasks.people.notify import notify
from tasks.people.record_act import record_act, record_of
from tasks.rollout.hooks.call_back import CallBack
from tasks.rollout.hooks.feed import TYPE as EVENT
from tasks.rollout.hooks.feed import Feed
from tasks.rollout.hooks.found import found
from tasks.rollout.hooks.post_rollout import hears, post_rollout
from tasks.run_signals import RunSignals, bind, signals_for_current_run
from tasks.scene.look import Look
from tasks.scene.rollout_ref import RolloutRef

P = ParamSpec("P")
R = TypeVar("R")
REACHES_USERS = {Action.SHIFT, Action.PROMOTE}
"""What more users meet the revision by."""


@dataclass(slots=True)
class RolloutRun:
    """One run of a rollout, with what the journal does not say.

    Attributes:
        ref: what it is about.
        seen: what it decides by.
        target: of the Canary, which may be gone when it has to be let go.
        steps: what each judged step came to.
        asides: what runs next to the rollout, such as messages.
        outcome, reason, ended: how and why it ended, and when the traffic was home, seconds since the epoch.
        failures: how often in a row nothing could be done.
        failing_since: since when, by the loop's clock; None where the last thing could be done.
        effects: what was done without an effect.
        reported: why the way home fails, as it was last reported.
        said: the last line of the run's log.
        signals: marks of the run.
        calling_back: asks the rollback webhooks.
        feed: what the event webhooks hear.
        cleaning: cancelled: Prefect runs no more tasks for this run, so the stages that bring it home run as plain code.
    """

    ref: RolloutRef
    seen: Seen
    target: ObjectReference
    steps: list[StepResult] = field(default_factory=list)
    asides: set[asyncio.Task[Any]] = field(default_factory=set)
    outcome: Outcome | None = None
    reason: str = ""
    ended: float = 0.0
    cleaning: bool = False
    failures: int = 0
    failing_since: float | None = None
    effects: Effects = field(default_factory=Effects)
    said: str = ""
    reported: str = ""
    signals: RunSignals = field(default_factory=signals_for_current_run)
    calling_back: CallBack = field(init=False)
    feed: Feed = field(init=False)

    def __post_init__(self) -> None:
        bind(self.signals)  # without a worker there are none: then these are the ones that all of the run sees
        self.calling_back, self.feed = CallBack(self.ref, self.signals), Feed(self.ref)

    @contextmanager
    def accompanied(self) -> Iterator[None]:
        """Ask who may call the release back next to its stages, for the duration of the block."""
        watching = asyncio.create_task(self.calling_back.watch())
        try:
            yield
        finally:
            watching.cancel()

    async def called_back(self, decision: Decision) -> bool:
        """Whether a service calls the release back that is to go forward by this decision; it is asked once more for it."""
        if decision.action not in REACHES_USERS or self.signals.called_back:
            return False  # what is known was decided with
        await self.calling_back.ask()
        return bool(self.signals.called_back)

    async def do(self, stage: Task[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a stage."""
        act = stage.fn if self.cleaning else stage
        return await act(*args, **kwargs)

    def fails(self, seconds: float) -> bool:
        """Note that something could not be done; whether it has been so for that long."""
        now = asyncio.get_running_loop().time()
        self.failing_since = now if self.failing_since is None else self.failing_since
        return now - self.failing_since >= seconds

    def say(self, log: Any, line: str) -> None:
        """Write a line of the release's story into the run's log; one that says what the last one said is left out."""
        if line != self.said:
            log.info("%s", line)
            self.said = line

    def sees(self, now: Look) -> None:
        """Keep what was observed just now."""
        self.seen = replace(
            self.seen,
            revision=now.revision,
            weight=now.weight,
            led=now.led,
            # What this run saw ready may have been scaled down, replaced or lost since.
            scaled=self.seen.scaled and now.standing,
            broken=now.broken,
            gated=now.heard.gated,
            held=now.heard.held,
            train=now.heard.train,
            aborted=now.heard.aborted,
            ahead=now.heard.said.promoted,
            retry_refused=self.seen.retry_refused or bool(now.heard.said.retried),
            paused=self.signals.paused,
            cancelled=self.signals.cancelled,
            called_back=self.signals.called_back,
        )

    def learn(self, decision: Decision, result: StageResult) -> None:
        """Keep what a stage came to, and post what people are to hear."""
        self.seen = after(self.seen, result)
        if result.step:
            self.note(result.step)
        reason = result.reason or decision.reason
        for news in self._news(decision, result):
            self.feed.tell(news)
        if decision.outcome:
            self.outcome, self.reason = decision.outcome, reason
            if hears(self.ref, decision.outcome):
                self.aside(self.do(post_rollout, self.ref, decision.outcome))
        if result.home:
            self.ended = result.home
        if result.news:
            facts = {**(self.facts() if result.home or result.facts else {}), **result.facts}
            self.post(result.news, reason, facts or None, about=result.about)
        self.record(decision, result, reason)
        if (result.began or result.home or decision.outcome) and is_wanted(self.ref):
            self.aside(self.do(mark, self.ref))

    def _news(self, decision: Decision, result: StageResult) -> Iterator[News]:
        """What event webhooks hear of it, where there are any."""
        now = found(self.ref, EVENT)
        return news_of(now.canary, decision, result) if now else iter(())

    def post(
        self, occasion: Occasion, reason: str = "", facts: dict[str, str] | None = None, *, about: str = ""
    ) -> None:
        """Post a message, where there is a channel, without waiting for it: a slow chat must not hold traffic where it is.

        Args:
            about: the version that it is about; this run's own where empty.
        """
        if connections().chat is None:
            return  # no task that does nothing
        ref = self.ref.model_copy(update={"version": about}) if about else self.ref
        self.aside(self.do(notify, ref, occasion, reason, facts))

    def record(self, decision: Decision, result: StageResult, reason: str) -> None:
        """Leave a record of what was done, next to the rollout."""
        for act in recorded(decision, result):
            made = record_of(
                self.ref, act, reason, point=result.opened or (decision.point.type if decision.point else "")
            )
            if made is not None:
                self.aside(record_act(made))

    def ask_no_more(self) -> None:
        """Let the messages by which Gates asked people say how it ended, where there are some with buttons."""
        if connections().seal is not None and self.outcome and self.outcome is not Outcome.UNCHANGED:
            self.aside(self.do(close_questions, self.ref, str(self.outcome), self.reason))

    def note(self, result: StepResult) -> None:
        """Keep what a step came to; one that is judged again is still one step."""
        last = self.steps[-1] if self.steps else None
        if last and last.step == result.step:
            both = {"points": last.points + result.points, "recordings": last.recordings + result.recordings}
            self.steps[-1] = result.model_copy(update=both)
        else:
            self.steps.append(result)

    def aside(self, stage: Coroutine[Any, Any, Any]) -> None:
        """Run a stage next to the rollout, without waiting for it."""
        self.asides.add(asyncio.create_task(stage))

    async def flush(self) -> None:
        """Wait for what runs next to the rollout; its failures are in the run's tasks and harm nothing."""
        await asyncio.gather(*self.asides, self.feed.close(), return_exceptions=True)

    def facts(self) -> dict[str, str]:
        """The numbers of the last step, for people."""
        last = self.steps[-1] if self.steps else None
        readings = last.judgement.readings if last else ()
        weight = {"Weight reached": f"{last.weight} %"} if last else {}
        return {**weight, **{reading.metric: reading.measured for reading in readings}}
