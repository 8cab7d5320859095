"""What every service of suites can do, and says when it cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest
from githubkit_schemas.v2026_03_10 import models

from blocks.suites import asking
from blocks.suites.base import UnclearError
from blocks.suites.job import MARK
from blocks.suites.table import SUITES
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError
from sluice.gates.suite import Outcome
from tests.blocks.suites.worlds import (
    HTTP,
    KEYS,
    TOKEN,
    WORLDS,
    CircleCIWorld,
    GitHubWorld,
    JobWorld,
    WebhookWorld,
    World,
)
from tests.samples import NAMESPACE


@pytest.fixture(autouse=True)
def rested() -> None:
    """No service is left alone because of another test."""
    asking._resting.clear()


def run(story: Awaitable[Any]) -> Any:
    """To its end."""

    async def it() -> Any:
        return await story

    return asyncio.run(it())


def settled(world: World) -> None:
    """Jobs have no server that says their state when it is asked."""
    if isinstance(world, JobWorld):
        world.settle()


@pytest.fixture(params=sorted(WORLDS))
def world(request: pytest.FixtureRequest) -> World:
    """Each of them."""
    return WORLDS[request.param]()


@pytest.fixture(params=sorted(HTTP))
def server(request: pytest.FixtureRequest) -> World:
    """Each that is asked over HTTP."""
    return HTTP[request.param]()


def test_each_has_a_stand_in() -> None:
    """So that nothing below leaves one out."""
    assert set(WORLDS) == set(SUITES)


def test_what_was_started_is_found_by_its_key(world: World) -> None:
    """Among others, and nothing before."""
    suite = world.connected()
    if world.searches:
        assert run(suite.find(world.launch())) is None
    first, second = (run(suite.start(world.launch(key))) for key in KEYS[:2])
    assert run(suite.find(world.launch(KEYS[0]))).id == first.id
    assert run(suite.find(world.launch(KEYS[1]))).id == second.id
    if world.searches:
        assert first.id != second.id
        assert run(suite.find(world.launch(KEYS[2]))) is None
        assert world.starts == KEYS[:2]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_how_it_is_is_told(world: World, outcome: Outcome) -> None:
    """Tests that failed apart from infrastructure that did, the same way by each."""
    suite = world.connected()
    started = run(suite.start(world.launch()))
    world.state = outcome
    settled(world)
    assert run(suite.progress(world.launch(), started.id)).outcome is outcome


def test_a_run_that_is_gone_is_said_to_be(world: World) -> None:
    """And not to run for ever. Of a check there is always the commit."""
    suite = world.connected()
    started = run(suite.start(world.launch()))
    world.forgets = True
    settled(world)
    if world.searches:
        with pytest.raises(NotFoundError):
            run(suite.progress(world.launch(), started.id))


def test_one_that_nobody_waits_for_is_stopped(world: World) -> None:
    """Where the service can; a second time harms nothing."""
    suite = world.connected()
    started = run(suite.start(world.launch()))
    assert not world.stopped
    for _ in range(2):
        run(suite.cancel(world.launch(), started.id))
    assert world.stopped is world.stops


def test_a_start_whose_answer_is_lost_is_found(server: World) -> None:
    """By who comes next."""
    suite = server.connected()
    if server.searches:
        server.broken = "lost"
        with pytest.raises(TransientError, match="does not answer"):
            run(suite.start(server.launch()))
        assert server.starts == KEYS[:1]
    assert run(suite.find(server.launch()))


@pytest.mark.parametrize(
    ("broken", "error"),
    [(401, ForbiddenError), (403, ForbiddenError), (404, TerminalError), (422, TerminalError), (503, TransientError)],
)
def test_a_refusal_never_shows_the_token(server: World, broken: int, error: type[Exception]) -> None:
    """And says who refused, and where the token is."""
    suite = server.connected()
    server.broken = broken
    if server.runner == "githubCheck" and broken == 404:
        return  # it waits for the commit
    with pytest.raises(error) as raised:
        run(
            suite.progress(server.launch(), run(suite.start(server.launch())).id)
            if not server.searches
            else suite.start(server.launch())
        )
    assert TOKEN not in str(raised.value)
    assert str(broken) in str(raised.value)
    assert broken not in {401, 403} or f"Secret {NAMESPACE}/ci" in str(raised.value)


def test_a_service_that_has_too_much_is_left_alone(server: World) -> None:
    """For as long as it says, and nothing is sent meanwhile."""
    suite = server.connected()
    run_id = run(suite.start(server.launch())).id
    server.broken = 429
    for _ in range(2):
        with pytest.raises(TransientError, match="left alone for a while") as raised:
            run(suite.progress(server.launch(), run_id))
        assert 0 < (raised.value.retry_after or 0) <= 7
    assert len(server.calls) == 1 + server.searches


def test_the_secondary_limit_of_github_is_no_missing_right(server: World) -> None:
    """It is a 403 that may say nothing else."""
    suite = server.connected()
    run_id = run(suite.start(server.launch())).id
    server.answer = lambda request, body: httpx.Response(403, text="You have exceeded a secondary rate limit.")  # type: ignore[method-assign]
    calls = len(server.calls)
    for _ in range(2):
        with pytest.raises(TransientError, match="left alone for a while"):
            run(suite.progress(server.launch(), run_id))
    assert len(server.calls) == calls + 1


def test_a_secret_without_the_token_is_named(server: World) -> None:
    """With its key."""
    server.cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ci", "namespace": NAMESPACE}})
    with pytest.raises(InvalidError, match="has no key token"):
        run(server.connected().progress(server.launch(), "1"))


def test_a_pipeline_without_workflows_yet_runs() -> None:
    """They come seconds after it; where filters leave none, none ever comes, and that is no pass."""
    world = CircleCIWorld(workflows=[])
    suite, launch = world.connected(), world.launch()
    started = run(suite.start(launch))
    assert run(suite.progress(launch, started.id)).outcome is Outcome.RUNNING
    late = type(launch)(launch.gate, launch.key, launch.since, launch.now + 3600, launch.values)
    assert "filters" in run(suite.progress(late, started.id)).said


def test_a_trigger_that_starts_nothing_is_an_error() -> None:
    """CircleCI answers 2xx with a message alone."""
    world = CircleCIWorld()
    world._started = lambda key: {"message": "Conditionally filtered"}  # type: ignore[method-assign]
    with pytest.raises(TerminalError, match="Conditionally filtered"):
        run(world.connected().start(world.launch()))


def test_a_workflow_that_was_rerun_counts_by_its_last_run() -> None:
    """Somebody reran it from where it failed."""
    world = CircleCIWorld(
        workflows=[
            CircleCIWorld.workflow("e2e", "success", "2026-11-28T11:00:00Z"),
            CircleCIWorld.workflow("e2e", "failed", "2026-11-28T10:00:00Z"),
        ]
    )
    suite = world.connected()
    started = run(suite.start(world.launch()))
    assert run(suite.progress(world.launch(), started.id)).outcome is Outcome.PASSED


def test_runs_that_cannot_be_told_apart_are_not_guessed_at() -> None:
    """Two teams dispatch one workflow in one second."""
    world = GitHubWorld(titled=False)
    suite = world.connected()
    run(suite.start(world.launch(KEYS[1])))
    with pytest.raises(UnclearError, match=r"run-name: e2e \$\{\{ inputs.sluice_key \}\}"):
        run(suite.find(world.launch()))


def test_a_run_is_found_among_hundreds() -> None:
    """A fleet shares one workflow: GitHub gives a hundred runs a page, the newest first."""
    world = GitHubWorld(starts=[KEYS[0], *[KEYS[1]] * 250])
    assert run(world.connected().find(world.launch())).id == "1"
    assert run(world.connected().find(world.launch(KEYS[2]))) is None
    world.starts *= 5
    with pytest.raises(UnclearError, match="too many runs"):
        run(world.connected().find(world.launch(KEYS[2])))


def test_the_stand_in_for_github_speaks_as_its_description_says() -> None:
    """The models are GitHub's own."""
    world = GitHubWorld()
    run(world.connected().start(world.launch()))
    fields = models.WorkflowRun.model_fields
    assert set(world._run(1)) <= set(fields)
    said = {"workflow_run_id": 1, "run_url": "https://a", "html_url": "https://b"}
    assert models.WorkflowDispatchResponse.model_validate(said)
    body = {"ref": "main", "inputs": {"sluice_key": KEYS[0]}}
    assert models.ReposOwnerRepoActionsWorkflowsWorkflowIdDispatchesPostBody.model_validate(body)


def test_an_address_of_another_host_gets_no_token() -> None:
    """Whatever a service says."""
    world = WebhookWorld(suite={"url": "https://ci.example/suites", "secretRef": {"name": "ci"}})
    world.answer = lambda request, body: httpx.Response(200, json={"statusUrl": "https://evil.example/1"})  # type: ignore[method-assign]
    with pytest.raises(InvalidError, match="at another host"):
        run(world.connected().start(world.launch()))


def test_an_address_without_end_is_not_written_down() -> None:
    """It would be part of the Canary's status, which has a greatest size."""
    world = WebhookWorld(suite={"url": "https://ci.example/suites", "secretRef": {"name": "ci"}})
    where = f"https://ci.example/{'x' * 5000}"
    world.answer = lambda request, body: httpx.Response(200, json={"statusUrl": where})  # type: ignore[method-assign]
    with pytest.raises(InvalidError, match=r"set suite\.webhook\.statusUrl") as raised:
        run(world.connected().start(world.launch()))
    assert len(str(raised.value)) < 500


def test_what_a_service_says_is_kept_short() -> None:
    """It is part of the Canary's status, too."""
    world = CircleCIWorld()
    world._started = lambda key: {"message": "filtered " * 1000}  # type: ignore[method-assign]
    with pytest.raises(TerminalError, match="started no pipeline") as raised:
        run(world.connected().start(world.launch()))
    assert len(str(raised.value)) < 500


def test_a_job_is_tried_once_and_knows_whom_it_tests() -> None:
    """What its author set himself stays."""
    world = JobWorld()
    run(world.connected().start(world.launch()))
    job = world.cluster.now("Job", KEYS[0], NAMESPACE)
    pod = job["spec"]["template"]
    env = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    assert (job["spec"]["backoffLimit"], pod["spec"]["restartPolicy"]) == (0, "Never")
    assert (env["VERSION"], env["URL"]) == ("1.1.0", "own")
    assert pod["metadata"]["labels"][MARK] == KEYS[0]


def test_an_image_that_cannot_be_pulled_is_infrastructure() -> None:
    """And no suite that runs for ever, and no pass."""
    world = JobWorld()
    suite, launch = world.connected(), world.launch()
    run(suite.start(launch))
    waiting = {"containerStatuses": [{"name": "suite", "state": {"waiting": {"reason": "ErrImagePull"}}}]}
    meta = {"name": "p", "namespace": NAMESPACE, "labels": {MARK: KEYS[0]}, "creationTimestamp": "2026-01-01T00:00:00Z"}
    world.cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}, "status": waiting})
    found = run(suite.progress(launch, KEYS[0]))
    assert (found.outcome, "ErrImagePull" in found.said) == (Outcome.BROKEN, True)


def test_what_cannot_be_a_suite_is_no_json(server: World) -> None:
    """A login page of a proxy."""
    suite = server.connected()
    run_id = run(suite.start(server.launch())).id
    server.answer = lambda request, body: httpx.Response(200, text="<html>")  # type: ignore[method-assign]
    with pytest.raises(InvalidError, match="gives no JSON"):
        run(suite.progress(server.launch(), run_id))
    assert json.dumps(server.starts)
