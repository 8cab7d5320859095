"""A rollout's life among people: runs, crashes and habits of people at planned moments, the laws checked at each write."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from blocks.gates.base import Answer
from blocks.routers import router_for
from blocks.services import Services
from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.errors import LostError, SluiceError, TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from sluice.rollout.objects import REVISION_ANNOTATION
from tasks import run_signals
from tasks.rollout.fence_out import fence_out
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.scene.tend import tend
from tests.connected import Provided, connected
from tests.laws.labels import target_of
from tests.laws.people import IMAGES, PEOPLE, PRIMARY
from tests.laws.world import World
from tests.samples import NAME, NAMESPACE, canary_manifest

COLLECTED = 5
"""Turns after which the garbage collector has come by."""
MOST_TURNS = 150
"""Turns of one run after the last thing that happened: then it has to have ended, or to wait for what it names."""
UNSEEN = 3
"""Moments after something happened at which a write may still rest on what was so before."""
KEPT = 0.002
"""Seconds between two looks of the keeper next to a run."""
ALIKE = 12
"""Writes in a row that say the same and change nothing of what they are about: a loop."""


class Crash(BaseException):
    """The process is gone: no cleanup of anybody's runs because of it."""


@dataclass
class Life(World):
    """What happens in a world: planned moments, and runs that meet them.

    Attributes:
        plan: what happens at which moment; a write has two, before it and after it, and each turn of a run has one.
        answers: what metrics and gates say next; good where nothing is left.
        judged: how often each revision passed its check.
        blamed: what went wrong in a write of sluice's.
    """

    plan: dict[int, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    moment: int = 0
    judged: Counter[str] = field(default_factory=Counter)
    blamed: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    signals: run_signals.RunSignals = field(default_factory=run_signals.RunSignals)
    _before: frozenset[str] = frozenset()
    _given: dict[str, int] = field(default_factory=dict)
    _quiet: int = 0
    _touched: bool = False
    _new: bool = True
    _struck: int = -10
    _acts: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._strangers = self.strangers()
        self.town.hooks += [self._law, self._happens]

    # --- the laws at each write -------------------------------------------------------------------------------------

    def _law(self, when: str, verb: str, item: dict[str, Any]) -> None:
        try:
            self._judge(when, verb, item)
        except AssertionError as broken:
            self.blamed.append(str(broken))  # a rollout takes it for a stage that failed, and goes on
            raise

    def _judge(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "before":
            self._before, self._new = self.troubles(), self.status.get("phase") in {None, Phase.INITIALIZING}
            self._given = self.given()
            return
        self._given_is_kept(verb)
        worse = frozenset() if self._new else self.troubles() - self._before
        if self._new and self.status.get("phase") == Phase.INITIALIZED:
            primary = self.find(self.kind, PRIMARY)
            given = (primary or {}).get("metadata", {}).get("annotations", {}).get(REVISION_ANNOTATION)
            assert given in {None, self.status["lastPromotedSpec"]}, "the journal is not what was made"
        if worse and self.moment - self._struck > UNSEEN:
            self.blamed.append(f"{verb} {item['kind']} {item.get('metadata', {}).get('name')}: {sorted(worse)}")
        assert self.strangers() == self._strangers, f"{verb} {item['kind']} touched what is somebody else's"
        # A suspended release is judged on: an entry of the journal for each interval, which lasts no time here.
        judged_on = item["kind"] == "Canary" and self.suspended()
        since = self.town.acts[self._acts :]
        assert judged_on or len(set(since[-ALIKE:])) > 1 or len(since) < ALIKE, (
            f"an act is repeated without an effect: {self.town.acts[-1]}"
        )
        promoting = item["kind"] == self.kind and item["metadata"]["name"] == PRIMARY
        if promoting and self.status.get("phase") == Phase.PROMOTING:
            given = (item["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, "")
            assert given == self.status.get("lastPromotedSpec") or self.judged[given] or self.skipped(), (
                "promoted without being judged"
            )

    def _given_is_kept(self, verb: str) -> None:
        """No write takes pods away that a person or an autoscaler gave; but the target's all at once, at the end."""
        for name, pods in self.given().items():
            rests = name == NAME and pods == 0
            before = self._given.get(name, 0)
            # What happened right before a write is not yet known to it in this cluster, whose fence it has passed.
            met = self._struck == self.moment
            assert pods >= before or rests or met, f"{verb}: {name} goes from {before} to {pods} pods"

    def _happens(self, when: str, verb: str, item: dict[str, Any]) -> None:
        self.pass_on(before=when == "before")

    def pass_on(self, *, before: bool = False) -> None:
        """A moment passes: what is planned for it happens."""
        self.moment += 1
        event = self.plan.pop(self.moment, "")
        if not event:
            return
        self._quiet, self._struck, self._acts = 0, self.moment, len(self.town.acts)
        self.happened.append(f"{event} (after {self.town.acts[-1] if self.town.acts else 'nothing'})")
        if event == "crash":
            raise Crash
        if event == "hiccup":
            if before:
                raise TransientError("the API server is away for a moment")
        elif event == "cancel":
            self.signals.cancelled = True
        elif event == "collect":
            self.town.collect()
        else:
            PEOPLE[event](self.town, self.kind)
            self._strangers, self._touched = self.strangers(), True
        self._before = self.troubles()

    def _unsuspended(self) -> bool:
        """A run that waits because people suspended its Canary says so, and goes on when they end that."""
        canary = self.find("Canary")
        if canary is None or not canary["spec"].get("suspend"):
            return False
        said = canary["status"]["conditions"][0]["message"]
        assert "suspend" in said, f"it waits and does not say that it is suspended: {said}"
        self.plan[self.moment + 1] = "unsuspend"
        return self.next_thing()

    def _mended_first_image(self) -> bool:
        """A first image that never becomes ready is waited for, in the pods' own words, until another one is pushed."""
        target = self.find(self.kind)
        image = target and target["spec"]["template"]["spec"]["containers"][0]["image"]
        if self.status.get("phase") != Phase.INITIALIZING or image not in self.town.broken_images:
            return False
        said = self.status["conditions"][0]["message"]
        assert "did not become ready" in said, f"it waits and does not say for what: {said}"
        self.plan[self.moment + 1] = "push 0"
        return self.next_thing()

    def next_thing(self) -> bool:
        """Nothing is under way: what is planned next happens now. False where nothing is left."""
        if not self.plan:
            return False
        self.moment = min(self.plan) - 1
        try:
            self.pass_on()
        except Crash:
            return True
        return True

    def mend(self) -> None:
        """People put right what they did: a valid Canary that is not suspended, a target that works, nobody in the way."""
        self.town.collect()
        canary, target = self.find("Canary"), self.find(self.kind)
        fresh = World(self.provider, self.kind)
        spec = fresh.town.now("Canary", NAME, NAMESPACE)["spec"]
        spec["service"]["port"] = ((canary or {}).get("spec") or spec)["service"]["port"]
        meta = {"name": NAME, "namespace": NAMESPACE}
        self.town.add({**canary, "spec": spec} if canary else {**canary_manifest(spec), "metadata": meta})
        if target is None:
            made = target_of(self.kind, IMAGES[0])
            made["metadata"].pop("uid")
            self.town.add(made)
        # One whose first release was cancelled waits for another revision.
        cancelled = self.status.get("phase") == Phase.FAILED and not self.status.get("lastPromotedSpec")
        PEOPLE["push 1" if cancelled else "push 0"](self.town, self.kind)
        self.happened.append("mended")
        self._before = self.troubles()

    # --- what is asked --------------------------------------------------------------------------------------------------

    def _answer(self, good: str, bad: str) -> str:
        return self.answers.pop() if self.answers and self.answers[-1] in {good, bad} else good

    def now(self) -> float:
        return time.time()

    async def value(self, query: str) -> float | None:
        said = self._answer("good", "bad")
        if said == "good":
            self.judged[self.status.get("lastAppliedSpec", "")] += 1
        return {"good": 1.0, "bad": 0.0}[said]

    async def ask(self, webhook: Any, canary: Any) -> Answer:
        said = self._answer("open", "closed")
        return Answer(gate=webhook.name, open=said == "open", said=said)

    # --- runs -------------------------------------------------------------------------------------------------------------

    def parts(self) -> dict[str, Any]:
        return {
            "router": router_for,
            "services": Services,
            "metrics": Provided(self),
            "gates": self,
        }

    async def run(self, name: str, revision: str = "") -> str:
        """One run of the flow's own loop without Prefect around it, to its end; what it ended in."""
        self.signals.cancelled = False
        ref = RolloutRef(namespace=NAMESPACE, name=NAME, revision=revision)
        async with claimed(ref, name) as lease:
            try:
                return str(await self._to_the_end(ref, lease))
            except Crash:
                lease.run = f"{lease.run} of a dead process"  # which gives nothing back
                raise

    async def _to_the_end(self, ref: RolloutRef, lease: Any) -> Outcome:
        run = await story.resumed(ref)
        run.cleaning = True  # stages as plain code, so that thousands of runs need no Prefect
        if lease.took_over:
            await run.do(fence_out, run.ref)
        self._quiet = 0
        keeping = asyncio.create_task(self._keeping(ref))
        try:
            return await self._turns(run, keeping)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def _keeping(self, ref: RolloutRef) -> None:
        """The keeper next to a run of its process, under the same lease."""
        while True:
            await asyncio.sleep(KEPT)
            if self._touched and self.status.get("phase") not in {None, Phase.INITIALIZING}:
                await self.keep_under_way(ref)

    async def _turns(self, run: RolloutRun, keeping: asyncio.Task[None]) -> Outcome:
        while run.outcome is None:
            await story._turn(run)
            if keeping.done():
                keeping.result()
            self._quiet += 1
            self.pass_on()
            if self._quiet % COLLECTED == 0 and self.town.orphaned:
                self.town.collect()
            if self._quiet > MOST_TURNS:
                if not self.next_thing() and not self._unsuspended() and not self._mended_first_image():
                    raise AssertionError(f"no end after {MOST_TURNS} turns: {self.town.acts[-6:]}, {self.status}")
                self._quiet = 0
        await run.flush()
        return run.outcome

    async def live(self) -> list[str]:
        """Run after run, as the watcher and reconcile start them, until nothing is planned and nothing is left to do."""
        run_signals.bind(self.signals)
        ends: list[str] = []
        for life in range(60):
            try:
                async with connected(self.town, f"life-{life}", **self.parts()):
                    while len(ends) < 80:
                        ends.append(await self._one_end(len(ends)))
                        if self.town.orphaned:
                            self.town.collect()
                        if not self._rests(ends[-1]):
                            continue
                        await self.keep()
                        self.users_are_at_home(ends[-1])
                        if not self.next_thing():
                            return ends
            except Crash:
                ends.append("crash")
        raise AssertionError(f"it never comes to rest: {ends}")

    async def _one_end(self, number: int) -> str:
        try:
            return await self.run(f"run-{number}")
        except LostError as error:
            return f"lost: {error}"
        except SluiceError as error:
            return f"failed: {error}"

    def _rests(self, end: str) -> bool:
        """Whether a run that ended like this leaves nothing to do until somebody does something."""
        if end.startswith("failed") and self.impossible():
            self.town.collect()
        elif end not in RESTING:
            return False
        return True

    def users_are_at_home(self, end: str) -> None:
        """A run has ended, and what people did since was looked after."""
        users = {pod["metadata"]["name"] for service in self.users_at() for pod in self.town.behind(service, NAMESPACE)}
        canary = {pod["metadata"]["name"] for pod in self.town.pods(NAME, NAMESPACE)}
        if self.status.get("phase") not in {None, Phase.INITIALIZING}:
            assert not users & canary, f"a run ended with users on the canary: {end}"

    async def keep(self) -> None:
        """What the keeper does at rest: under a lease of its own."""
        ref = RolloutRef(namespace=NAMESPACE, name=NAME)
        try:
            async with claimed(ref, "keeper"):
                await self.keep_under_way(ref)
        except Crash:
            pass

    async def keep_under_way(self, ref: RolloutRef) -> None:
        """What the keeper does where a run of its process has the lease: what cannot be put right now is tried again."""
        self._touched = False
        try:
            await tend(await Scene.of(ref))
        except SluiceError:
            self._touched = True


RESTING = {str(Outcome.UNCHANGED), str(Outcome.REFUSED), str(Outcome.SUSPENDED), str(Outcome.DELETED)}
