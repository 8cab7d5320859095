"""The forge is told of a rollout; a rollout never waits for that, and what was lost is told later without a person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.connections import connections
from blocks.forges.asking import _resting
from blocks.forges.github import GitHub
from blocks.forges.table import Forges
from blocks.kubernetes.kinds import CANARY
from blocks.marking import Marking
from lab.standins import github
from sluice.rollout.decision import Outcome
from tasks.marks.find_unmarked import mark_missed, unmarked
from tests.blocks.forges.worlds import TOKEN, OnGitHub
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, NEWER, OLD, World, one_run
from tests.samples import NAME, NAMESPACE, merged
from tests.served import served

pytestmark = pytest.mark.usefixtures("hurried")
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40
CONTEXT = f"sluice/production/{NAMESPACE}/{NAME}"


@dataclass
class Watched(World):
    """A world whose metrics come when what is waited for has happened: in memory a release is over before it is told."""

    until: Callable[[], bool] = field(default=lambda: True)

    async def value(self, query: str) -> float:
        while not self.until():
            await asyncio.sleep(0.001)
        return await super().value(query)


@dataclass
class Told:
    """A release in a cluster in memory whose repository is at the lab's stand-in for GitHub.

    Attributes:
        away: what is done in the place of asking the forge.
    """

    world: Watched
    there: OnGitHub
    away: list[Any] = field(default_factory=list)

    def push(self, image: str, commit: str) -> None:
        """As a build that annotates what it deploys."""
        target = self.world.cluster.now("Deployment", NAME, NAMESPACE)
        self.world.cluster.add(merged(target, {"metadata": {"annotations": {"sluice.dev/commit": commit}}}))
        if image != OLD:
            self.world.push(image)

    def begun(self, commit: str) -> None:
        """Judge nothing before it is shown that this commit is on its way."""
        self.world.until = lambda: self.marked.get(commit) == "in progress"

    def annotate(self, **annotations: str | None) -> None:
        canary = self.world.cluster.now("Canary", NAME, NAMESPACE)
        named = {f"sluice.dev/{name}": value for name, value in annotations.items()}
        self.world.cluster.add(merged(canary, {"metadata": {"annotations": named}}))

    async def answer(self, request: httpx.Request) -> None:
        if self.away:
            await self.away[0](request)

    @property
    def marked(self) -> dict[str, str]:
        """Commit and mark, as the Canary remembers them."""
        canary = self.world.cluster.now("Canary", NAME, NAMESPACE)
        return {one["commit"]: one["mark"] for one in (canary["status"].get("marked") or {}).values()}

    async def deployed(self) -> list[tuple[str, list[str]]]:
        """Commit and states of each deployment, oldest first."""
        found = []
        for one in reversed((await self.there.act("GET", "/deployments")).json()):
            statuses = (await self.there.act("GET", f"/deployments/{one['id']}/statuses?per_page=99")).json()
            found.append((one["sha"], [each["state"] for each in reversed(statuses)]))
        return found

    async def status(self, commit: str) -> list[tuple[str, str]]:
        found = (await self.there.act("GET", f"/commits/{commit}/statuses")).json()
        return [(one["state"], one["context"]) for one in reversed(found)]

    def later(self, seconds: float = 120.0) -> None:
        """The last change of the Canary is so long ago."""
        canary = self.world.cluster.now("Canary", NAME, NAMESPACE)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
        self.world.cluster.add(merged(canary, {"status": {"lastTransitionTime": stamp}}))
        informers = connections().informers
        informers.learn(CANARY, self.world.cluster.now("Canary", NAME, NAMESPACE))

    async def reconciled(self) -> int:
        return await mark_missed.fn(await unmarked())


@asynccontextmanager
async def releasing(folder: Path) -> AsyncIterator[Told]:
    _resting.clear()
    app = github.application(folder, TOKEN, "s", "http://127.0.0.1:9/github", "http://127.0.0.1:9")
    async with served(app) as url, httpx.AsyncClient(trust_env=False) as plain:
        told = Told(Watched(stops_at=0), OnGitHub(url, plain))
        async with httpx.AsyncClient(trust_env=False, event_hooks={"request": [told.answer]}) as http:
            forge = Forges({"github.com": GitHub(http, SecretStr(TOKEN), url)}, http)
            parts: dict[str, Any] = {**told.world.parts(), "forge": forge, "marking": Marking("production")}
            told.annotate(repository="https://github.com/team/shop")
            told.push(OLD, FIRST)
            async with asyncio.timeout(15), connected(told.world.cluster, "worker", **parts):
                yield told
    _resting.clear()


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    async with releasing(tmp_path) as made:
        yield made


async def test_a_release_is_shown_from_its_beginning_to_its_end(told: Told) -> None:
    """The first version, and the next one: on its way, then promoted; the notes of its GitHub release say so."""
    await told.there.act("POST", "/releases", {"tag_name": "v2", "body": "Better."})
    await one_run("initialise")
    told.begun(SECOND)
    told.push(NEW, SECOND)
    assert await one_run("release") is Outcome.PROMOTED
    assert await told.deployed() == [(FIRST, ["success", "inactive"]), (SECOND, ["in_progress", "success"])]
    assert await told.status(SECOND) == [("pending", CONTEXT), ("success", CONTEXT)]
    assert told.marked == {FIRST: "promoted", SECOND: "promoted"}
    notes = (await told.there.act("GET", "/releases/tags/v2")).json()["body"]
    assert notes.startswith("Better.\n\n<!-- sluice: where this version runs -->")
    assert f"production ({NAMESPACE}/{NAME}): **promoted** on 20" in notes


async def test_a_release_that_fails_is_shown_with_its_reason(told: Told) -> None:
    """In the status, in the deployment, and in the notes; what runs stays what is shown as running."""
    await told.there.act("POST", "/releases", {"tag_name": "2", "body": ""})
    await one_run("initialise")
    told.begun(SECOND)
    told.push(NEW, SECOND)
    told.world.good = False
    assert await one_run("release") is Outcome.ROLLED_BACK
    assert await told.deployed() == [(FIRST, ["success"]), (SECOND, ["in_progress", "failure"])]
    newest = (await told.there.act("GET", f"/commits/{SECOND}/statuses")).json()[0]
    assert newest["state"] == "failure"
    assert "2 was rolled back: own" in newest["description"]
    notes = (await told.there.act("GET", "/releases/tags/2")).json()["body"]
    assert "**rolled back** on" in notes
    assert ": `2 was rolled back: own" in notes


async def test_a_forge_that_does_not_answer_holds_no_traffic_and_is_told_later(told: Told) -> None:
    """The release goes to its end; a minute later it is shown, once, with no person asking."""
    waiting = asyncio.Event()

    async def silent(_: httpx.Request) -> None:
        await waiting.wait()

    await one_run("initialise")
    told.push(NEW, SECOND)
    told.away.append(silent)
    run = asyncio.create_task(one_run("release"))
    while told.world.cluster.now("Canary", NAME, NAMESPACE)["status"]["phase"] != "Succeeded":
        await asyncio.sleep(0.001)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    told.away.clear()
    assert await unmarked() == []  # its own run is given time first
    told.later()
    assert await told.reconciled() == 1
    assert (await told.deployed())[-1] == (SECOND, ["success"])
    assert await told.reconciled() == 0
    assert told.marked[SECOND] == "promoted"


@pytest.mark.parametrize("lost", range(1, 12, 3))
async def test_whichever_answer_is_lost_a_release_is_shown_once(told: Told, lost: int) -> None:
    """The worker dies, or the answer is lost: what was made is found again, and no state is shown twice in a row."""
    calls = 0

    async def dies(request: httpx.Request) -> None:
        nonlocal calls
        calls += 1
        if calls != lost:
            return
        copy = {name: request.headers[name] for name in ("authorization", "user-agent")}
        body = await request.aread()
        await told.there.http.request(request.method, request.url, content=body, headers=copy)
        raise asyncio.CancelledError

    await one_run("initialise")
    told.push(NEW, SECOND)
    told.away.append(dies)
    await one_run("release")
    told.away.clear()
    told.later()
    await told.reconciled()
    assert [commit for commit, _ in await told.deployed()] == [FIRST, SECOND]
    states = (await told.deployed())[1][1]
    assert states in (["in_progress", "success"], ["success"])
    assert told.marked[SECOND] == "promoted"


async def test_what_was_superseded_is_not_shown_as_under_way_for_ever(told: Told) -> None:
    """The newer one is shown as its own."""
    await one_run("initialise")
    told.begun(SECOND)
    told.push(NEW, SECOND)

    def newer(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, item["kind"]) == ("after", "HTTPRoute") and told.marked.get(SECOND):
            told.world.cluster.hooks.clear()
            told.push(NEWER, THIRD)
            told.begun(THIRD)

    told.world.cluster.hooks.append(newer)
    assert await one_run("release") is Outcome.SUPERSEDED
    assert await one_run("next") is Outcome.PROMOTED
    assert (await told.deployed())[1:] == [(SECOND, ["in_progress", "inactive"]), (THIRD, ["in_progress", "success"])]
    assert (await told.status(SECOND))[-1] == ("error", CONTEXT)


async def test_a_version_that_comes_back_is_another_deployment(told: Told) -> None:
    """People put back what ran before: the forge shows when that was."""
    await one_run("initialise")
    for image, commit in ((NEW, SECOND), (NEWER, THIRD), (NEW, SECOND)):
        told.push(image, commit)
        told.begun(commit)
        assert await one_run(f"release {image} {commit[:1]}") is Outcome.PROMOTED
    commits = [commit for commit, _ in await told.deployed()]
    assert commits == [FIRST, SECOND, THIRD, SECOND]
    assert [states[-1] for _, states in await told.deployed()] == ["inactive", "inactive", "inactive", "success"]


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"repository": "https://github.com/team/gone"}, ""),
        ({"repository": "https://git.example/team/shop"}, "no way into the forge of https://git.example/team/shop"),
        ({"repository": "https://github.com/shop"}, "is not owner/name"),
        ({"repository": None}, "installation of sluice has no artifacts connection"),
        ({"forge-secret": "nobody"}, "nobody does not exist"),
    ],
)
async def test_what_cannot_be_shown_is_said_once_and_holds_nothing(
    told: Told, annotations: dict[str, str | None], said: str
) -> None:
    """On the Canary, with the way out; it is not asked again until there is something new to say."""
    told.annotate(**annotations)
    await one_run("initialise")
    told.push(NEW, SECOND)
    assert await one_run("release") is Outcome.PROMOTED
    told.later()
    assert await told.reconciled() == 0
    events = [one["message"] for key, one in told.world.cluster.objects.items() if key[0] == "Event"]
    if said:
        assert len([one for one in events if said in one]) >= 2, events  # the first version, and the next


async def test_nothing_is_said_where_nobody_wants_it(told: Told) -> None:
    """No environment, no mark; and nothing is written into the Canary."""
    told.annotate(environment="")
    await one_run("initialise")
    told.push(NEW, SECOND)
    assert await one_run("release") is Outcome.PROMOTED
    told.later()
    assert (await told.reconciled(), await told.deployed(), told.marked) == (0, [], {})


async def test_an_installation_that_begins_to_mark_does_not_mark_its_past(told: Told) -> None:
    """Hundreds of services would ask at once, of days that nobody wonders about."""
    told.annotate(environment="")
    await one_run("initialise")
    told.annotate(environment="live")
    told.later(2 * 86_400)
    assert await told.reconciled() == 0
    told.later(3_600)
    assert await told.reconciled() == 1
    assert [states for _, states in await told.deployed()] == [["success"]]


async def test_a_limit_of_the_forge_is_kept_to(told: Told) -> None:
    """It says how long; until then it is not asked at all, and no release waits for it."""
    await one_run("initialise")
    asked = 0

    async def limited(_: httpx.Request) -> None:
        nonlocal asked
        asked += 1

    _resting[told.there.url] = time.monotonic() + 60
    told.away.append(limited)
    told.push(NEW, SECOND)
    assert await one_run("release") is Outcome.PROMOTED
    told.later()
    assert (await told.reconciled(), asked) == (0, 0)
    _resting.clear()
    assert await told.reconciled() == 1
    assert told.marked[SECOND] == "promoted"
