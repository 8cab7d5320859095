"""`wait`, `healthChecks` and `healthCheckExprs`: a Kustomization is ready when what it applied is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from sluice.errors import InvalidError, TerminalError
from tests.tasks.sync.delivered import TEAM, Delivered, config, delivering
from tests.virtual_time import in_no_time

Object = dict[str, Any]
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": TEAM}, "spec": {}}
THING = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": TEAM}}
THINGS = Kind("example.com/v1", "Thing", "things")


def lived(story: Callable[[Delivered], Awaitable[None]]) -> None:
    async def it() -> None:
        async with delivering() as git:
            git.cluster.served["example.com/v1", "Thing"] = THINGS
            await story(git)

    in_no_time(it)


def becomes(git: Delivered, kind: str, name: str, status: Object) -> None:
    found = git.cluster.now(kind, name, TEAM)
    git.cluster.add({**found, "status": status})


DONE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "message": "gave up"}]}


def test_ready_only_when_all_of_it_is() -> None:
    """Meanwhile the conditions say what is waited for; then Healthy says how long it took."""

    async def story(git: Delivered) -> None:
        git.commit(JOB, config("a"))
        git.kustomization(wait=True, timeout="2m")
        running = asyncio.create_task(git.sync())
        await asyncio.sleep(20)
        assert git.condition()[:2] == ("Unknown", "Progressing")
        assert git.condition("Healthy")[:2] == ("Unknown", "Progressing")
        assert "Running health checks" in git.condition("Reconciling")[2]
        assert "lastAppliedRevision" not in git.status()
        becomes(git, "Job", "j", DONE)
        assert await running == "2 applied, 0 pruned, 0 left alone"
        assert git.condition()[0] == "True"
        status, reason, message = git.condition("Healthy")
        assert (status, reason) == ("True", "Succeeded")
        assert message.startswith("Health check passed in 2")
        assert git.status()["lastAppliedRevision"] == git.revision

    lived(story)


def test_what_fails_or_takes_too_long_is_named() -> None:
    """At once where it failed, after the timeout where it does not become ready; it is due once more."""

    async def story(git: Delivered) -> None:
        git.commit(JOB)
        git.kustomization(wait=True, timeout="2m")
        with pytest.raises(TerminalError, match=r"after 120s: timeout waiting for: Job team/j status: 'InProgress'"):
            await git.sync()
        assert git.condition()[:2] == ("False", "HealthCheckFailed")
        assert git.condition("Healthy")[:2] == ("False", "HealthCheckFailed")
        assert "lastAppliedRevision" not in git.status()
        began = asyncio.get_running_loop().time()
        becomes(git, "Job", "j", FAILED)
        with pytest.raises(TerminalError, match="gave up"):
            await git.sync()
        assert asyncio.get_running_loop().time() - began < 1
        becomes(git, "Job", "j", DONE)
        await git.sync()
        assert git.condition()[0] == "True"

    lived(story)


def test_only_what_is_named_is_waited_for() -> None:
    """An object of somebody else's among them; the timeout is a little less than the interval where none is given."""

    async def story(git: Delivered) -> None:
        git.cluster.add({**JOB, "metadata": {"name": "theirs", "namespace": TEAM}, "status": DONE})
        git.commit(JOB, config("a"))
        git.kustomization(healthChecks=[{"apiVersion": "batch/v1", "kind": "Job", "name": "theirs", "namespace": TEAM}])
        await git.sync()
        assert git.condition()[0] == "True"
        git.cluster.by_hand(
            "Kustomization",
            TEAM,
            "app",
            {
                "spec": {
                    "healthChecks": [{"apiVersion": "batch/v1", "kind": "Job", "name": "nobody", "namespace": TEAM}],
                    "interval": "2m",
                }
            },
        )
        with pytest.raises(TerminalError, match=r"after 90s: .*Job team/nobody status: 'NotFound'"):
            await git.sync()

    lived(story)


def test_users_say_themselves_when_their_kinds_are_ready() -> None:
    """In CEL over the object: in progress, failed, current, in this order."""
    exprs = [
        {
            "apiVersion": "example.com/v1",
            "kind": "Thing",
            "inProgress": "status.phase == 'Working'",
            "failed": "status.phase == 'Broken'",
            "current": "status.phase == 'Done' && status.conditions.exists(c, c.type == 'Fine' && c.status == 'True')",
        }
    ]

    async def story(git: Delivered) -> None:
        git.commit(THING)
        git.kustomization(wait=True, timeout="1m", healthCheckExprs=exprs)
        with pytest.raises(TerminalError, match="'InProgress'"):
            await git.sync()
        becomes(git, "Thing", "t", {"phase": "Broken"})
        with pytest.raises(TerminalError, match="'Failed'"):
            await git.sync()
        becomes(git, "Thing", "t", {"phase": "Done", "conditions": [{"type": "Fine", "status": "True"}]})
        await git.sync()
        assert git.condition()[0] == "True"

    lived(story)


@pytest.mark.parametrize("expression", ["status.phase ==", "[1, 2", "'x' * " * 5000 + "1"])
def test_an_expression_that_is_none_stops_the_sync_before_it_applies(expression: str) -> None:
    """A spelling mistake, and what would keep a parser busy."""

    async def story(git: Delivered) -> None:
        git.commit(THING)
        git.kustomization(
            wait=True, healthCheckExprs=[{"apiVersion": "example.com/v1", "kind": "Thing", "current": expression}]
        )
        with pytest.raises(InvalidError):
            await git.sync()
        assert git.there("Thing") == {}

    lived(story)


def test_a_newer_revision_does_not_wait_for_the_health_of_an_older() -> None:
    """The older says nothing more; what is recorded is the newer."""

    async def story(git: Delivered) -> None:
        git.commit(JOB)
        git.kustomization(wait=True, timeout="1h")
        older = asyncio.create_task(git.sync())
        await asyncio.sleep(60)
        git.commit(config("a"))
        assert await git.sync() == "1 applied, 1 pruned, 0 left alone"
        assert await older == "another sync has begun"
        assert git.condition()[2] == f"Applied revision: {git.revision}"

    lived(story)


@pytest.mark.parametrize("hand", ["suspend", "label", "delete"])
def test_a_person_in_the_middle_of_a_wait(hand: str) -> None:
    """Who suspends or deletes it ends the wait; a label does not."""

    async def story(git: Delivered) -> None:
        git.commit(JOB)
        git.kustomization(wait=True, timeout="1h")
        running = asyncio.create_task(git.sync())
        await asyncio.sleep(60)
        change: Object = {"spec": {"suspend": True}} if hand == "suspend" else {"metadata": {"labels": {"a": "b"}}}
        if hand == "delete":
            await git.cluster.delete(git.cluster.served["kustomize.toolkit.fluxcd.io/v1", "Kustomization"], "app", TEAM)
        else:
            git.cluster.by_hand("Kustomization", TEAM, "app", change)
        await asyncio.sleep(10)
        becomes(git, "Job", "j", DONE)
        said = await running
        assert ("applied" in said) == (hand == "label")
        assert ("lastAppliedRevision" in git.status()) == (hand == "label")

    lived(story)


def test_a_job_that_is_deleted_after_it_is_done_was_done() -> None:
    """ttlSecondsAfterFinished: its absence is no failure."""

    async def story(git: Delivered) -> None:
        git.commit({**JOB, "spec": {"ttlSecondsAfterFinished": 0}})
        git.kustomization(wait=True, timeout="1m")
        running = asyncio.create_task(git.sync())
        await asyncio.sleep(10)
        git.cluster.vanish(Kind("batch/v1", "Job", "jobs"), "j", TEAM)
        assert "1 applied" in await running

    lived(story)


def test_many_objects_are_listed_and_not_asked_for_one_by_one() -> None:
    """A thousand Jobs cost one request a look; what is ready by being there costs none."""

    async def story(git: Delivered) -> None:
        jobs = [{**JOB, "metadata": {"name": f"j-{number}", "namespace": TEAM}} for number in range(1000)]
        git.commit(*jobs, *(config(f"c-{number}") for number in range(10)))
        git.kustomization(wait=True, timeout="10m")
        running = asyncio.create_task(git.sync())
        while not git.condition("Healthy")[0]:
            await asyncio.sleep(0.01)
        for number in range(1000):
            becomes(git, "Job", f"j-{number}", DONE)
        asked: list[str] = []
        find = git.cluster.find

        async def counted(kind: Kind, name: str, namespace: str | None = None) -> Object | None:
            asked.append(kind.kind)
            return await find(kind, name, namespace)

        git.cluster.find = counted  # type: ignore[method-assign]
        assert "1010 applied" in await running
        assert set(asked) <= {"Kustomization", "GitRepository"}

    lived(story)
