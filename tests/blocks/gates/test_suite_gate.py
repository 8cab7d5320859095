"""A Gate that is an end-to-end suite: one start for each release of a revision, whatever dies, and no cost while it runs."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import httpx
import pytest

from blocks.gates.kinds.base import Asked, GateAnswer, Ways
from blocks.gates.kinds.table import GateKinds
from blocks.suites import asking
from sluice.gates.suite import Outcome
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gate_state import GateState
from tests.blocks.suites.worlds import WORLDS, CircleCIWorld, GitHubWorld, JobWorld, World
from tests.samples import canary_manifest

BEGUN = 1_800_000_000.0
WEEK = 7 * 86400.0
PLACES = ("ask", "intent", "act", "sent", "written", "none")
"""Where a worker dies: before it asks, before and after the intent is written, with the start on its way, and before and
after what came of it is written."""


class DiesError(BaseException):
    """The process is gone."""


@dataclass
class Release:
    """A release at its Gate: a journal that outlives workers, and a clock."""

    world: World
    spec: dict[str, Any] = field(default_factory=dict)
    point: str = "pre-rollout"
    now: float = BEGUN
    writes: int = 0
    canary: Canary | None = None
    journal: dict[str, GateState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        manifest = self.world.gate(**self.spec)
        manifest["metadata"]["uid"] = "gate-uid"
        self.gate = Gate.parse(manifest)
        self.restart()

    def restart(self) -> None:
        """Another worker: nothing is remembered but what is written."""
        cluster: Any = self.world.cluster
        ways = Ways(cluster=cluster, informers=cluster, http=self.world.http(), webhooks=cluster)
        self.kinds = GateKinds(ways)

    @property
    def asked(self) -> Asked:
        fresh = GateState(gate=self.gate.key, uid="gate-uid", point=self.point, since=self.now)
        if self.canary is None:
            status = {"gates": [one.model_dump(mode="json", by_alias=True) for one in self.journal.values()]}
            self.canary = Canary.parse(canary_manifest({}, status))
        state = self.journal.get(self.point, fresh)
        return Asked(self.gate, self.canary, self.point, "abc", "1.1.0", self.now, state)

    def write(self, asked: Asked, answer: GateAnswer) -> Asked:
        kept = asked.state.kept if answer.keep is None else dict(answer.keep)
        state = asked.state.model_copy(update={"kept": kept, "open": answer.open, "said": answer.said})
        if self.journal.get(self.point) != state:
            self.writes, self.canary = self.writes + 1, None
            self.journal[self.point] = state
        return replace(asked, state=state)

    async def look(self, dies: str = "none") -> GateAnswer:
        """Once, as `tasks.rollout.hooks.asked_gates` does it."""
        if dies == "ask":
            raise DiesError
        asked = self.asked
        answer = await self.kinds.ask(asked)
        if dies == "intent":
            raise DiesError
        asked = self.write(asked, answer)
        if answer.acts:
            if dies == "act":
                raise DiesError
            self.world.broken = "lost" if dies == "sent" else ""
            answer = await self.kinds.act(asked)
            if dies in {"sent", "written"}:
                raise DiesError
            self.write(asked, answer)
        return answer

    async def until(self, end: float) -> GateAnswer:
        """Look at its own pace."""
        while True:
            answer = await self.look()
            if answer.open or answer.refused or self.now >= end:
                return answer
            self.now += 5.0 if answer.again is None else answer.again
            if isinstance(self.world, JobWorld):
                self.world.settle()


@pytest.fixture(autouse=True)
def rested() -> None:
    """No service is left alone because of another test."""
    asking._resting.clear()


@pytest.fixture(autouse=True)
def in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What services make has the release's time."""
    monkeypatch.setattr("tests.blocks.suites.worlds._time", lambda: "2027-01-15T08:00:00Z")


@pytest.mark.parametrize("runner", sorted(WORLDS))
def test_a_suite_is_started_once_whatever_dies(runner: str) -> None:
    """Each place where a worker can die, and each again where the next one does."""

    async def it(first: str, second: str) -> tuple[int, bool]:
        release = Release(WORLDS[runner]())
        for dies in (first, second):
            try:
                await release.look(dies)
            except DiesError:
                release.restart()
            release.now += 1
        release.world.state = Outcome.PASSED
        answer = await release.until(release.now + 600)
        return len(release.world.starts), answer.open

    ended = {places: asyncio.run(it(*places)) for places in product(PLACES, repeat=2)}
    starts = 0 if runner == "githubCheck" else 1
    assert {places: end for places, end in ended.items() if end != (starts, True)} == {}


def test_a_week_costs_one_start_and_a_look_a_minute() -> None:
    """And a handful of writes."""

    async def it() -> None:
        release = Release(GitHubWorld(), {"timeout": "200h"})
        await release.until(BEGUN + WEEK)
        calls, writes = len(release.world.calls), release.writes
        release.world.state = Outcome.PASSED
        assert (await release.until(BEGUN + WEEK + 600)).open
        assert len(release.world.starts) == 1
        assert calls <= WEEK / 60 + 60
        assert writes <= 3

    asyncio.run(it())


def test_two_hundred_wait_at_once_and_nothing_grows() -> None:
    """Neither memory nor what is asked."""

    async def it() -> None:
        releases = [Release(GitHubWorld(), {"timeout": "9h"}) for _ in range(200)]
        await asyncio.gather(*(one.until(BEGUN + 600) for one in releases))
        for one in releases:
            one.world.calls.clear()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        await asyncio.gather(*(one.until(BEGUN + 1800) for one in releases))
        calls = [len(one.world.calls) for one in releases]
        for one in releases:
            one.world.calls.clear()
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        assert max(calls) <= 21
        assert grown < 2_000_000
        assert {len(one.world.starts) for one in releases} == {1}

    asyncio.run(it())


def test_who_asks_earlier_asks_nobody() -> None:
    """Another Gate at the same point has its own pace."""

    async def it() -> None:
        release = Release(GitHubWorld())
        await release.look()
        await release.look()
        calls = len(release.world.calls)
        for _ in range(20):
            assert not (await release.look()).open
        assert len(release.world.calls) == calls

    asyncio.run(it())


def test_infrastructure_is_tried_again_and_tests_are_not() -> None:
    """With another key, and at most so often."""

    async def it(state: Outcome, attempts: int) -> tuple[int, str, bool]:
        release = Release(CircleCIWorld(), {"attempts": attempts})
        release.world.state = state
        answer = await release.until(BEGUN + 3600)
        return len(set(release.world.starts)), answer.said, answer.refused

    assert asyncio.run(it(Outcome.BROKEN, 3))[::2] == (3, True)
    assert asyncio.run(it(Outcome.FAILED, 3))[::2] == (1, True)
    said = asyncio.run(it(Outcome.FAILED, 3))[1]
    assert "failed in CircleCI: test" in said
    assert "https://app.circleci.com/pipelines/gh/team/shop/25" in said


def test_its_time_is_limited_and_what_runs_is_stopped() -> None:
    """All attempts together."""

    async def it() -> None:
        release = Release(GitHubWorld(), {"timeout": "1h"})
        answer = await release.until(BEGUN + WEEK)
        assert answer.refused
        assert "did not end within 1 hour" in answer.said
        assert release.now < BEGUN + 3700
        assert release.world.calls[-1] == "POST /repos/team/shop/actions/runs/1/cancel"

    asyncio.run(it())


def test_a_service_that_wants_years_does_not_stretch_its_time() -> None:
    """Nobody waits longer than the Gate says because of what is asked for in between."""

    async def it() -> None:
        release = Release(GitHubWorld(), {"timeout": "1h"})
        await release.look()
        refusal = httpx.Response(429, headers={"Retry-After": "1000000000"})
        release.world.answer = lambda request, body: refusal  # type: ignore[method-assign]
        assert (await release.until(BEGUN + WEEK)).refused
        assert release.now < BEGUN + 3700

    asyncio.run(it())


def test_one_suite_counts_at_all_points() -> None:
    """Of one Gate."""

    async def it() -> None:
        release = Release(GitHubWorld())
        release.world.state = Outcome.PASSED
        assert (await release.until(BEGUN + 60)).open
        release.point = "confirm-promotion"
        assert (await release.look()).open
        assert len(release.world.starts) == 1

    asyncio.run(it())


def test_a_server_that_names_no_run_is_searched() -> None:
    """And where its runs have no key in their title, the revision is refused with the way out, and not started again."""

    async def it(titled: bool) -> tuple[GateAnswer, int]:
        release = Release(GitHubWorld(old=True, titled=titled))
        release.world.state = Outcome.PASSED
        return await release.until(BEGUN + 1200), len(release.world.starts)

    answer, starts = asyncio.run(it(True))
    assert (answer.open, starts) == (True, 1)
    answer, starts = asyncio.run(it(False))
    assert (answer.refused, starts, "run-name" in answer.said) == (True, 1, True)


def test_an_accepted_start_that_nobody_sees_is_not_repeated() -> None:
    """The revision is refused in the end."""

    async def it() -> None:
        release = Release(GitHubWorld(old=True, hidden=True))
        answer = await release.until(BEGUN + 1200)
        assert answer.refused
        assert len(release.world.starts) == 1

    asyncio.run(it())


def test_what_is_wrong_with_a_gate_can_be_mended() -> None:
    """A token that was missing is there later: the release goes on, with one start."""

    async def it() -> None:
        release = Release(CircleCIWorld())
        release.world.broken = 401
        answer = await release.look()
        assert not answer.refused
        release.world.state = Outcome.PASSED
        assert (await release.until(BEGUN + 600)).open
        assert len(release.world.starts) == 1

    asyncio.run(it())


def test_a_suite_that_is_away_for_a_while_is_waited_for() -> None:
    """What it says is written once, and not at each look."""

    async def it() -> None:
        release = Release(GitHubWorld())
        await release.look()
        await release.look()
        writes = release.writes
        for _ in range(10):
            release.now += 60
            release.world.broken = 503
            assert "answered 503" in (await release.look()).said
        assert release.writes == writes + 1

    asyncio.run(it())
