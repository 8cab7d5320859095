"""Carries out the faults of a round: stands at every write of a worker, and at the chosen act strikes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lab.faults.applications.base import NEIGHBOUR
from lab.faults.installed.installation import WORKERS, Installation
from lab.faults.judged.cases import Case, Hit, Key, where
from lab.faults.judged.recovery import Recovery, recovered
from lab.faults.plan import HANDS, PROCESS, WHOLE_LAB, Fault
from lab.faults.proxies.weather import Ask
from lab.faults.space import Space
from lab.faults.striking.hands import Hands
from lab.faults.striking.pods import kill_containers
from lab.faults.striking.strikes import EFFECTS, METRICS, clock, cut, freeze, rule_for

ANOTHER_LOOK_S = 0.3
OVERDUE_S = 18.0
Strike = Callable[[Any], Awaitable[None]]


@dataclass(slots=True)
class _Armed:
    case: Case
    fault: Fault
    due: bool = False


class Injector:
    """The sentry of all proxies. `begin` arms a round's faults, `quiet` returns when all of them are over."""

    def __init__(self, whole_lab: Strike | None = None) -> None:
        self.installation: Installation | None = None
        self.spaces: dict[str, Space] = {}
        self.cases: dict[Key, Case] = {}
        self.recoveries: list[Recovery] = []
        self.log: list[tuple[float, str]] = []
        self._armed: dict[Key, _Armed] = {}
        self._busy = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self._dice = random.Random()
        self._whole_lab = whole_lab

    def begin(self, cases: list[Case], seed: str) -> None:
        """A new round's cases; their faults are armed one by one as they are released."""
        self.cases, self._dice = {case.key: case for case in cases}, random.Random(seed)
        self._armed.clear()
        self.recoveries, self.log = [], []

    def arm(self, case: Case) -> None:
        """From now on the fault of this case may come."""
        fault = case.release.fault
        if fault is None:
            return
        armed = self._armed[case.key] = _Armed(case, fault)
        if not fault.boundary:
            self._background(self._at_instant(armed))

    async def quiet(self) -> None:
        """Disarm what never came, and wait until what came is over."""
        self._armed.clear()
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def before(self, ask: Ask) -> bool:
        """See `Sentry`."""
        return await self._at_act(ask, before=True)

    async def after(self, ask: Ask, status: int) -> bool:
        """See `Sentry`. An act that was refused has not been done: nothing comes after it."""
        return await self._at_act(ask, before=False) if status < 300 else True

    async def _at_act(self, ask: Ask, *, before: bool) -> bool:
        assert ask.act is not None  # noqa: S101
        armed = self._armed.get(ask.act.key)
        if armed is None or ask.client not in WORKERS:
            return True
        fault = armed.fault
        overdue = ask.at > armed.case.began + OVERDUE_S  # this rollout hardly comes there any more
        if overdue or (fault.boundary == ask.act.what and fault.before == before):
            armed.due = True
        if not armed.due or not fault.boundary or (fault.kind in PROCESS and self._busy.locked()):
            return True  # a fault that finds another one under way comes at the next act
        del self._armed[ask.act.key]
        said = f"{'before' if before else 'after'} {ask.act.what}"
        return await self._strike(armed, said, ask.client)

    async def _at_instant(self, armed: _Armed) -> None:
        await asyncio.sleep(max(0.0, armed.case.began + armed.fault.instant - time.time()))
        while armed.fault.kind in PROCESS and self._busy.locked():
            await asyncio.sleep(ANOTHER_LOOK_S)
        if self._armed.pop(armed.case.key, None) and armed.case.under_way:
            await self._strike(armed, "", self._carrier(armed.case) or self._dice.choice(WORKERS))

    async def _strike(self, armed: _Armed, boundary: str, client: str) -> bool:
        """Begin the fault; returns whether the request at which it came goes on."""
        assert self.installation is not None  # noqa: S101
        kind, fault, case = armed.fault.kind, armed.fault, armed.case
        self.log.append((time.time(), f"{kind} ({client}) for {case.title} {boundary or 'at an instant'}"))
        hit = self._hit(case, kind, boundary, aimed=True)
        if kind in PROCESS or kind in WHOLE_LAB:
            await self._busy.acquire()
            hits = [hit, *self._others(case, kind, client)]
            if kind.startswith("kill"):
                victims = self._victims(kind, client)
                for victim in victims:
                    self.installation.parts[victim].kill()
                self._background(self._bring_back(victims, fault, hits))
                return not (boundary and client in victims)
            self._background(self._process_fault(fault, client, hits))
            if kind == "freeze worker" and boundary.startswith("before"):
                # A request that was on its way when its sender stopped arrives when others have taken over long since.
                await asyncio.sleep(fault.seconds - 1)
            return True
        if kind in HANDS:
            hands = self.spaces[case.namespace].hands
            await hands.do(kind, case)
            self._background(self._by_hand(hands, fault, case, hit))
            return True
        if kind == "oom":
            self._kill_pod(case)
            hit.until = time.time()
            return True
        self._background(self._trouble(fault, case, hit))
        return kind not in {"api answer lost", "api hang"} or not boundary

    def _victims(self, kind: str, client: str) -> list[str]:
        if kind == "kill both workers":
            return list(WORKERS)
        return [client] if "worker" in kind else [kind.removeprefix("kill ")]

    async def _bring_back(self, victims: list[str], fault: Fault, hits: list[Hit]) -> None:
        assert self.installation is not None  # noqa: S101
        struck = time.time()
        try:
            await asyncio.sleep(fault.seconds)
            for victim in victims:
                self.installation.start(victim)
            started = time.time()
            for victim in victims:
                await self.installation.ready(victim)
            self._over(hits)
            if any(victim in WORKERS for victim in victims):
                self._background(self._note_recoveries(fault.kind, hits, victims, (struck, started, time.time())))
        finally:
            self._busy.release()

    async def _process_fault(self, fault: Fault, client: str, hits: list[Hit]) -> None:
        assert self.installation is not None  # noqa: S101
        installation, kind = self.installation, fault.kind
        try:
            if kind in WHOLE_LAB:
                if self._whole_lab:
                    await self._whole_lab(fault)
            elif kind.startswith("freeze"):
                victim = client if "worker" in kind else kind.removeprefix("freeze ")
                await freeze(installation.parts[victim], fault.seconds)
            elif kind == "server away":
                await freeze(installation.parts["server"], fault.seconds)
            elif kind == "clock jump":
                await clock(installation.clock_file(client), fault.seconds)
            else:
                await cut(installation.api_weather, kind, client, fault.seconds)
            self._over(hits)
        finally:
            self._busy.release()

    async def _by_hand(self, hands: Hands, fault: Fault, case: Case, hit: Hit) -> None:
        await asyncio.sleep(fault.seconds)
        await hands.undo(fault.kind, case)
        self._over([hit])

    async def _trouble(self, fault: Fault, case: Case, hit: Hit) -> None:
        assert self.installation is not None  # noqa: S101
        metrics = fault.kind in METRICS
        weather = self.installation.metrics_weather if metrics else self.installation.api_weather
        # By the name alone: a query may be about two of one name.
        twins = [one for one in self.cases.values() if one.app == case.app and one is not case and one.under_way]
        hits = [hit, *(self._hit(twin, fault.kind, "", aimed=False) for twin in twins)]
        rule = weather.begin(rule_for(EFFECTS[fault.kind], case.app))
        await asyncio.sleep(fault.seconds)
        weather.end(rule)
        self._over(hits)

    async def _note_recoveries(
        self, kind: str, hits: list[Hit], victims: list[str], times: tuple[float, float, float]
    ) -> None:
        assert self.installation is not None  # noqa: S101
        cases = [case for case in self.cases.values() if any(hit in hits for hit in case.hits)]
        proxies = list(self.installation.proxies.values())
        self.recoveries += await recovered(kind, cases, proxies, victims, times)

    def _kill_pod(self, case: Case) -> None:
        """The pod that has the traffic which this release is about, or the primary's."""
        history = self.spaces[case.namespace].history
        pods = [history.now("pods", name) for name in history.names("pods")]
        labels = {case.app, f"{case.app}-primary"}
        mine = [pod for pod in pods if pod and pod["ready"] and pod["app"] in labels and pod["tag"] != NEIGHBOUR]
        if mine:
            kill_containers(self._dice.choice(mine)["uid"], "shop")

    def _hit(self, case: Case, kind: str, boundary: str, *, aimed: bool) -> Hit:
        hit = Hit(kind, aimed, where(self.spaces[case.namespace].history, case), boundary, time.time())
        case.hits.append(hit)
        return hit

    def _others(self, case: Case, kind: str, client: str) -> list[Hit]:
        """A fault of a whole process hits every rollout under way that it carries."""
        one_worker = kind in {"kill worker", "kill worker for good", "freeze worker", "clock jump"}
        return [
            self._hit(other, kind, "", aimed=False)
            for other in self.cases.values()
            if other is not case and other.under_way and (not one_worker or self._carrier(other) == client)
        ]

    def _carrier(self, case: Case) -> str:
        """The worker that wrote last for a Canary in this round; empty where none did."""
        assert self.installation is not None  # noqa: S101
        last, found = case.began, ""
        for name in WORKERS:
            for write in reversed(self.installation.proxies[name].writes):
                if write.act.key == case.key:
                    if write.at > last:
                        last, found = write.at, name
                    break
        return found

    @staticmethod
    def _over(hits: list[Hit]) -> None:
        for hit in hits:
            hit.until = time.time()

    def _background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
