"""One round: releases by plan, faults by plan, until every rollout has ended; then the laws."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

import aiohttp
import httpx

from lab.api.client import Refused
from lab.faults.applications.base import neighbour_of
from lab.faults.field import BASE
from lab.faults.installed.installation import Installation
from lab.faults.judged.cases import Case, has_ended
from lab.faults.judged.deliveries import Deliveries
from lab.faults.judged.evidence import Evidence, Violation
from lab.faults.judged.laws import broken
from lab.faults.judged.outcomes import Runs, rollouts_are_recorded, runs_act_on_their_own_canary
from lab.faults.judged.recovery import Recovery
from lab.faults.plan import GATED, Plan, Release
from lab.faults.pushes import Pushes
from lab.faults.space import LOOK_S, Space
from lab.faults.striking.inject import Injector

ENDS_WITHIN_S = 150.0
"""Seconds after the last change of a target and the last fault within which a rollout has to have ended."""
SETTLE_S = 2.5
"""Seconds after the end in which users' last answers come in."""
GATE_OPENS_S = 3.0


@dataclass
class Result:
    """What a round came to."""

    plan: Plan
    cases: list[Case]
    violations: list[Violation]
    recoveries: list[Recovery]
    seconds: float
    accepted: int
    timeline: list[str] = field(default_factory=list)
    harm: list[float] = field(default_factory=list)
    """Seconds during which each bad revision had users."""
    gaps: int = 0
    """How often the observer may have missed something: a watch had to begin anew."""

    @property
    def hit(self) -> list[Case]:
        """The releases that a fault has hit: the cases that count."""
        return [case for case in self.cases if case.hits]


@dataclass
class Stage:
    """What all rounds are played on."""

    spaces: tuple[Space, ...]
    installation: Installation
    injector: Injector
    runs: Runs
    deliveries: Deliveries

    def of(self, case: Case) -> Space:
        """Where a case is played: twins in the second namespace."""
        return self.spaces[int(case.release.twin)]

    async def play(self, plan: Plan) -> Result:
        """Play one round. What it leaves behind is at rest again, or the next round could not begin."""
        began = time.time()
        for proxy in self.installation.proxies.values():
            proxy.writes.clear()
        await self.spaces[0].field.push(plan.number)
        cases = [self._case(release) for release in plan.releases]
        self.injector.begin(cases, f"{plan.seed}/{plan.number}/faults")
        pushes = Pushes(self.installation, plan)
        pushing = asyncio.create_task(pushes.go_on())
        watching = asyncio.create_task(self._watch_over())
        async with asyncio.TaskGroup() as group:
            for case in cases:
                group.create_task(self._play(case, plan.number))
        await self.injector.quiet()
        watching.cancel()
        await pushes.stop(pushing)
        kills = [at for at, said in self.injector.log if said.startswith("kill server")]
        self.deliveries.took(pushes.accepted, kills)
        self.injector.log += [(at, f"the receiver took the push of {tag}") for at, tag in pushes.accepted]
        await asyncio.sleep(SETTLE_S)
        self._hear_users(cases)
        violations = await self._judge(cases, began)
        result = Result(plan, cases, violations, self.injector.recoveries, time.time() - began, len(pushes.accepted))
        result.gaps = sum(gap >= began for space in self.spaces for gap in space.history.gaps)
        result.harm = [_harm(case) for case in cases if case.release.story == "bad"]
        await self._leave_tidy(cases)
        return result

    def _hear_users(self, cases: list[Case]) -> None:
        for space in self.spaces:
            news = {app: users.news() for app, users in space.field.users.items()}
            for case in (case for case in cases if self.of(case) is space):
                case.answers = [one for one in news.get(case.app, ()) if one.at >= case.began]
                case.others = [one for one in news.get(neighbour_of(case.app), ()) if one.at >= case.began]

    async def _play(self, case: Case, number: int) -> None:
        release, space = case.release, self.of(case)
        await asyncio.sleep(release.start)
        case.since, case.began = space.history.newest(), time.time()
        first = {"never": "never", "bad": "bad"}.get(release.story, "good")
        await self._change(case, f"r{number}-{first}", f"{number}")
        case.started = True
        self.injector.arm(case)
        if release.story in {"superseded", "reverted"}:
            await asyncio.sleep(release.again)
            reverted = release.story == "reverted"
            await self._change(case, case.old if reverted else f"r{number}-next", self._note(case, number, reverted))
        opener = asyncio.create_task(self._open_gate(case)) if case.app in GATED else None
        while not has_ended(space.history, case):
            if time.time() > max(case.changed, case.last_fault_over()) + ENDS_WITHIN_S:
                break
            await space.observer.change(LOOK_S)
        else:
            case.ended = time.time()
        if opener:
            opener.cancel()

    async def _change(self, case: Case, tag: str, note: str) -> None:
        """Change the target, however often the API server has to be asked."""
        case.tags.append(tag)
        while True:
            try:
                if case.release.story == "first":
                    await self.of(case).field.install(case.app, case.release.shape, tag)
                    case.changed = time.time()
                else:
                    case.changed = await self.of(case).field.release(case.app, tag, note)
                return
            except (aiohttp.ClientError, httpx.HTTPError, TimeoutError, OSError):
                await asyncio.sleep(LOOK_S)
            except Refused as refused:
                if refused.status == 409:
                    return
                raise

    def _note(self, case: Case, number: int, reverted: bool) -> str:
        """The template's annotation: a revert has to bring back the very template that is promoted."""
        primary = self.of(case).history.now(*case.primary)
        if reverted:
            return str(primary["round"]) if primary["tag"] == case.old else f"{number}-"
        return f"{number}+"

    async def _open_gate(self, case: Case) -> None:
        """People open a gate a while after it was found closed."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self.of(case).history.now("canaries", case.app).get("phase") in {"Waiting", "WaitingPromotion"}:
                await asyncio.sleep(GATE_OPENS_S)
                try:
                    await self.of(case).field.gate(case.app, "open")
                    return
                except httpx.HTTPError:
                    continue

    async def _watch_over(self) -> None:
        """A part that ended though nobody killed it is started again, as a service manager would; and reported."""
        while True:
            await asyncio.sleep(LOOK_S)
            for name, part in self.installation.parts.items():
                if part.wanted and not part.running:
                    self.injector.log.append((time.time(), f"{name} ended by itself"))
                    self.installation.start(name)

    async def _judge(self, cases: list[Case], began: float) -> list[Violation]:
        writes = [write for proxy in self.installation.proxies.values() for write in proxy.writes]
        runs = await self.runs.settled(began - 1)
        violations = list(runs_act_on_their_own_canary(writes, runs))
        for case in cases:
            history = self.of(case).history
            evidence = Evidence(history, [one for one in writes if one.act.namespace == case.namespace])
            mine = [*broken(evidence, case), *rollouts_are_recorded(history, case, runs)]
            violations += [replace(one, namespace=case.namespace) for one in mine]
        violations += await self.deliveries.due()
        ended = [said for _, said in self.injector.log if said.endswith("by itself")]
        return violations + [Violation("no part ends by itself", "", said) for said in ended]

    async def _leave_tidy(self, cases: list[Case]) -> None:
        for case in cases:
            if case.release.story == "first":
                await self.of(case).field.remove(case.app)
            elif case.app in GATED:
                await self.of(case).field.gate(case.app, "close")
        for space in self.spaces:
            space.history.forget_pods()

    def _case(self, release: Release) -> Case:
        case = Case(release, BASE)
        case.old = str(self.of(case).history.now(*case.primary).get("tag", BASE))
        case.namespace = self.of(case).namespace
        return case


def _harm(case: Case) -> float:
    bad = [one.at for one in case.answers if one.version.endswith("-bad")]
    return bad[-1] - bad[0] if bad else 0.0
