"""What holds for every forge that shows releases, each tried against a server that is held to the forge's description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from blocks.forges.asking import _resting
from blocks.forges.base import CommitStatus, State
from blocks.forges.marks.base import Check, Deployed, Note
from blocks.forges.table import FORGES
from sluice.errors import TerminalError
from sluice.marks.section import BEGIN, END
from tests.blocks.forges.worlds import COMMIT, MAKE, TOKEN, OnGitHub, OnGitLab, World, repository

NEXT = "d" * 40
WISH = Deployed(
    key="uid/rev/1",
    service="test/shop",
    environment="production",
    commit=COMMIT,
    version="1.2.0",
    state=State.PENDING,
    description="20 % of users",
)
CHECK = Check(key="uid/rev/e2e", name="sluice/e2e", commit=COMMIT, state=State.PENDING, title="running")
NOTE = Note(key="a1-b2", version="1.2.0", line="production: **promoted**")
GITHUB = {State.PENDING: "in_progress", State.SUCCESS: "success", State.FAILURE: "failure", State.CANCELLED: "inactive"}
GITLAB = {State.PENDING: "running", State.SUCCESS: "success", State.FAILURE: "failed", State.CANCELLED: "canceled"}


@pytest.fixture(params=FORGES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    _resting.clear()
    async with MAKE[request.param](tmp_path) as made:
        yield made


async def deployed(world: World) -> list[tuple[str, str]]:
    """Commit and state of each deployment, oldest first, in the order and words of our own states."""
    if isinstance(world, OnGitLab):
        words = {word: state for state, word in GITLAB.items()}
        return [(one["sha"], words[one["status"]]) for one in world.server.releases.deployments]
    assert isinstance(world, OnGitHub)
    words, found = {word: state for state, word in GITHUB.items()}, []
    for one in reversed((await world.act("GET", "/deployments")).json()):
        statuses = (await world.act("GET", f"/deployments/{one['id']}/statuses")).json()
        found.append((one["sha"], words[statuses[0]["state"]]))
    return found


async def publish(world: World, tag: str, notes: str) -> None:
    if isinstance(world, OnGitLab):
        world.server.releases.releases[tag] = {"tag_name": tag, "description": notes}
    else:
        assert isinstance(world, OnGitHub)
        await world.act("POST", "/releases", {"tag_name": tag, "body": notes})


async def notes_of(world: World, tag: str) -> str:
    if isinstance(world, OnGitLab):
        return str(world.server.releases.releases[tag]["description"])
    assert isinstance(world, OnGitHub)
    return str((await world.act("GET", f"/releases/tags/{tag}")).json()["body"])


async def write_notes(world: World, tag: str, notes: str) -> None:
    if isinstance(world, OnGitLab):
        world.server.releases.releases[tag]["description"] = notes
    else:
        assert isinstance(world, OnGitHub)
        await world.act("PATCH", "/releases/1", {"body": notes})


@pytest.mark.parametrize("state", State)
async def test_a_deployment_is_shown_in_its_state(world: World, state: State) -> None:
    """Whether the one before was seen or not: a worker may have been away."""
    await world.forge().marks.deploy(repository(world), WISH.model_copy(update={"state": state}))
    assert await deployed(world) == [(COMMIT, state)]


@pytest.mark.parametrize("end", [State.SUCCESS, State.FAILURE, State.CANCELLED])
async def test_a_release_is_one_deployment_however_often_it_is_told(world: World, end: State) -> None:
    """After a crash it is found again; a state that is shown is not set again: each is an event for people's workflows."""
    marks = world.forge().marks
    for state in (State.PENDING, State.PENDING, end, end):
        await marks.deploy(repository(world), WISH.model_copy(update={"state": state}))
    assert await deployed(world) == [(COMMIT, end)]
    assert len(await world.calls()) == {"github.com": 3, "gitlab.com": 2}[world.host]


async def test_the_next_version_takes_the_place_of_the_last(world: World) -> None:
    """Of the same service; on GitLab the newest of an environment is what is in it."""
    marks = world.forge().marks
    await marks.deploy(repository(world), WISH.model_copy(update={"state": State.SUCCESS}))
    newer = WISH.model_copy(update={"key": "uid/rev2/1", "commit": NEXT, "state": State.SUCCESS})
    await marks.deploy(repository(world), newer)
    before = State.CANCELLED if world.host == "github.com" else State.SUCCESS
    assert await deployed(world) == [(COMMIT, before), (NEXT, State.SUCCESS)]


async def test_a_service_does_not_put_out_another_of_the_same_environment(world: World) -> None:
    """A repository of many services has them all in production."""
    marks = world.forge().marks
    for service in ("test/shop", "test/cart"):
        wish = WISH.model_copy(update={"service": service, "key": service, "state": State.SUCCESS})
        await marks.deploy(repository(world), wish)
    assert await deployed(world) == [(COMMIT, State.SUCCESS)] * 2


async def test_a_version_that_comes_back_is_deployed_anew(world: World) -> None:
    """After another one was there: people see when."""
    marks = world.forge().marks
    for key, commit in (("one", COMMIT), ("two", NEXT), ("three", COMMIT)):
        for state in (State.PENDING, State.SUCCESS):
            wish = WISH.model_copy(update={"key": key, "commit": commit, "state": state})
            await marks.deploy(repository(world), wish)
    assert [commit for commit, _ in await deployed(world)] == [COMMIT, NEXT, COMMIT]
    assert (await deployed(world))[-1] == (COMMIT, State.SUCCESS)


async def test_a_status_that_is_pending_does_not_keep_its_own_release_from_being_shown(world: World) -> None:
    """GitHub refuses a deployment of a commit whose statuses are not good, unless it is told that this does not matter."""
    status = CommitStatus(context="sluice/production/test/shop", state=State.PENDING, description="judged")
    await world.forge().set_status(repository(world), COMMIT, status)
    await world.forge().marks.deploy(repository(world), WISH)
    assert await deployed(world) == [(COMMIT, State.PENDING)]
    assert [state for state, _, _ in await world.shown()] == ["pending"]


async def test_long_sentences_and_names_are_made_to_fit(world: World) -> None:
    """A mark that the forge refuses would be one that nobody sees."""
    update = {"description": "word " * 100, "service": f"{'n' * 63}/{'s.' * 120}x", "environment": "live: eu.west"}
    await world.forge().marks.deploy(repository(world), WISH.model_copy(update=update))
    assert await deployed(world) == [(COMMIT, State.PENDING)]


@pytest.mark.parametrize("tag", ["1.2.0", "v1.2.0"])
async def test_the_notes_of_the_release_say_where_it_runs(world: World, tag: str) -> None:
    """Under what people wrote, which stays as it is; a line of its own for each place, and one line however often."""
    await publish(world, tag, "Fixes *much*.\r\n\r\n- all\r\n")
    marks = world.forge().marks
    for wish in (NOTE, NOTE, NOTE.model_copy(update={"key": "c3", "line": "staging: **promoted**"})):
        assert await marks.note(repository(world), wish)
    assert await marks.note(repository(world), NOTE.model_copy(update={"line": "production: **rolled back**"}))
    notes = await notes_of(world, tag)
    assert notes.startswith("Fixes *much*.\r\n\r\n- all\r\n\r\n" + BEGIN)
    assert notes.endswith(END)
    assert [line for line in notes.splitlines() if line.startswith("- ")][1:] == [
        "- production: **rolled back** <!-- a1-b2 -->",
        "- staging: **promoted** <!-- c3 -->",
    ]


async def test_a_version_without_a_release_has_no_notes(world: World) -> None:
    """And that is no fault: many services have none."""
    assert not await world.forge().marks.note(repository(world), NOTE)
    assert await world.calls() == []


async def test_what_people_write_around_the_section_stays(world: World) -> None:
    """Before and after, also where they take half of it away."""
    await publish(world, "1.2.0", "one")
    marks = world.forge().marks
    await marks.note(repository(world), NOTE)
    await write_notes(world, "1.2.0", "zero\n" + await notes_of(world, "1.2.0") + "\ntwo")
    newer = NOTE.model_copy(update={"line": "production: newer"})
    await marks.note(repository(world), newer)
    notes = await notes_of(world, "1.2.0")
    assert notes.startswith("zero\none")
    assert notes.endswith(END + "\ntwo")
    await write_notes(world, "1.2.0", notes.replace(END, ""))
    await marks.note(repository(world), NOTE)
    notes = await notes_of(world, "1.2.0")
    assert notes.count(BEGIN) == notes.count(END) == 1
    assert "two" in notes


@pytest.mark.parametrize("end", [State.SUCCESS, State.FAILURE, State.CANCELLED])
async def test_a_check_is_one_however_often_it_is_told(world: World, end: State) -> None:
    """By a GitHub App there; a status of its name on GitLab."""
    token = f"ghs_{TOKEN}" if world.host == "github.com" else TOKEN
    marks = world.forge(token).marks
    for state in (State.PENDING, State.PENDING, end, end):
        await marks.check(repository(world), CHECK.model_copy(update={"state": state, "link": "https://ci.example/7"}))
    assert await checks(world) == [("sluice/e2e", end)]


async def checks(world: World) -> list[tuple[str, str]]:
    if isinstance(world, OnGitLab):
        words = {word: state for state, word in GITLAB.items()}
        return [(one["name"], words[one["status"]]) for one in world.server.statuses]
    assert isinstance(world, OnGitHub)
    found: list[dict[str, Any]] = (await world.act("GET", f"/commits/{COMMIT}/check-runs")).json()["check_runs"]
    return [(one["name"], one["conclusion"]) for one in found]


async def test_a_refusal_names_the_right_that_is_missing_and_not_the_token(world: World) -> None:
    """Each act needs another one."""
    marks = world.forge("ghp_wrong").marks
    for act in (marks.deploy(repository(world), WISH), marks.check(repository(world), CHECK)):
        with pytest.raises(TerminalError, match="may the token of SLUICE_") as refused:
            await act
        assert "ghp_wrong" not in str(refused.value)


async def test_only_a_github_app_writes_checks(tmp_path: Path) -> None:
    """A person's token is refused, and the error says what is needed."""
    async with MAKE["github.com"](tmp_path) as made:
        with pytest.raises(TerminalError, match="which only a GitHub App may"):
            await made.forge().marks.check(repository(made), CHECK)
