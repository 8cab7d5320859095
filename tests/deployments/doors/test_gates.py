"""The gate API: what scripts for Flagger's load tester get, that it outlives a process, and who may open."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.gates.http import webhook_client
from blocks.gates.switches import NAME as CONFIG_MAP
from blocks.gates.switches import TRIES, Switches
from blocks.gates.table import Gates
from deployments.doors.gates.door import Doors
from deployments.doors.receiver import application
from sluice.errors import TransientError
from sluice.gates.switches import LONGEST_KEY, REMEMBERED, Change, Switch, changed, changes, is_open
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.memory_cluster import MemoryCluster
from tests.samples import canary
from tests.served import served

WHICH = {"name": "shop", "namespace": "shop-test"}
TOKEN = {"Authorization": "Bearer s3cret"}


def receiver(cluster: Any) -> Any:
    """A receiver that serves gates, as one process of several."""

    async def post(_: Any) -> int:
        return 0

    switches = Switches(cluster, "sluice") if cluster is not None else None
    return application(
        post,
        [],
        lambda _: None,
        others=lambda guard: Doors(lambda: switches, SecretStr("s3cret\n"), guard.room).routes(),
    )


async def ask(app: Any, path: str, body: Any = WHICH, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sluice.test") as http:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await http.post(path, content=content, headers=headers)


@pytest.mark.parametrize("kind", ["gate", "rollback"])
async def test_a_script_for_the_load_tester_gets_what_it_gets_there(kind: str) -> None:
    """Closed at first, 202 for a change, 200 and 403 for an answer, and the words of the load tester."""
    app = receiver(MemoryCluster())
    story = [await ask(app, f"/{kind}/{verb}", **TOKEN) for verb in ("check", "open", "check", "close", "check")]
    assert [(one.status_code, one.text) for one in story] == [
        (403, "Forbidden"),
        (202, ""),
        (200, "Approved"),
        (202, ""),
        (403, "Forbidden"),
    ]


@pytest.mark.parametrize(("path", "status", "said"), [("/gate/approve", 200, "OK"), ("/gate/halt", 403, "Forbidden")])
async def test_two_gates_say_the_same_for_ever(path: str, status: int, said: str) -> None:
    """Whatever is sent, as there; also while the cluster is away."""
    answer = await ask(receiver(None), path, b"")
    assert (answer.status_code, answer.text) == (status, said)


async def test_what_is_open_outlives_the_process_and_is_open_in_each_of_them() -> None:
    """The load tester forgets its gates with its pod, and has others in each replica."""
    cluster = MemoryCluster()
    await ask(receiver(cluster), "/gate/open", **TOKEN)
    assert (await ask(receiver(cluster), "/gate/check")).status_code == 200


async def test_a_gate_is_of_one_canary_and_one_kind() -> None:
    """Not of its name in another namespace, nor is a rollback open where a gate is."""
    app = receiver(MemoryCluster())
    await ask(app, "/gate/open", **TOKEN)
    assert (await ask(app, "/gate/check", {**WHICH, "namespace": "other"})).status_code == 403
    assert (await ask(app, "/rollback/check")).status_code == 403


@pytest.mark.parametrize("verb", ["open", "close"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}])
async def test_nobody_opens_or_closes_without_the_token(verb: str, headers: dict[str, str]) -> None:
    """Whoever reaches the load tester may; here a pod next door may not open a gate of production."""
    cluster = MemoryCluster()
    answer = await ask(receiver(cluster), f"/gate/{verb}", **headers)
    assert answer.status_code == 401
    assert "SLUICE_GATE_TOKEN" in answer.text
    assert cluster.objects == {}


@pytest.mark.parametrize(
    ("path", "headers", "by"),
    [
        ("/gate/open", TOKEN, "unnamed"),
        ("/gate/open?token=s3cret", {}, "unnamed"),
        ("/gate/open", {"Authorization": httpx.BasicAuth("alice", "s3cret")._auth_header}, "alice"),
    ],
    ids=["header", "address", "login"],
)
async def test_a_script_shows_the_token_as_it_can_and_who_it_was_is_kept(
    path: str, headers: dict[str, str], by: str
) -> None:
    """With when; the token itself is not."""
    cluster = MemoryCluster()
    assert (await ask(receiver(cluster), path, **headers)).status_code == 202
    data = cluster.now("ConfigMap", CONFIG_MAP, "sluice")["data"]
    (change,) = changes(data["gate.shop-test.shop"])
    assert (change.open, change.by, change.at.endswith("Z")) == (True, by, True)
    assert "s3cret" not in str(data)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": "shop"}', b'{"name": "", "namespace": "a"}'])
async def test_a_question_about_nothing_is_refused(body: bytes) -> None:
    """400 as there, and what to send."""
    answer = await ask(receiver(MemoryCluster()), "/gate/check", body)
    assert answer.status_code == 400
    assert "CANARY" in answer.text


async def test_while_the_cluster_is_away_gates_are_closed_and_nothing_is_called_back() -> None:
    """503 is no 2xx; and a script hears that nothing was opened."""
    for path in ("/gate/check", "/rollback/check", "/gate/open"):
        answer = await ask(receiver(None), path, **TOKEN)
        assert (answer.status_code, "cluster" in answer.text) == (503, True)


async def test_changes_at_the_same_time_are_all_kept() -> None:
    """Of as many as are tried again in one moment."""
    cluster = MemoryCluster()
    await asyncio.gather(
        *(ask(receiver(cluster), "/gate/open", {**WHICH, "name": f"shop-{one}"}, **TOKEN) for one in range(TRIES))
    )
    assert len(cluster.now("ConfigMap", CONFIG_MAP, "sluice")["data"]) == TRIES


async def test_a_change_that_is_refused_is_said() -> None:
    """Such as one for which rights are missing."""

    class Refusing(MemoryCluster):
        async def find(self, *_: Any, **__: Any) -> Any:
            raise TransientError("configmaps are forbidden")

    answer = await ask(receiver(Refusing()), "/gate/open", **TOKEN)
    assert (answer.status_code, "forbidden" in answer.text) == (503, True)


async def test_a_webhook_of_a_canary_asks_it_as_any_other_gate() -> None:
    """Over a real port, by the same client that asks the load tester."""
    cluster = MemoryCluster()
    async with served(receiver(cluster)) as address, webhook_client() as http:
        gates = Gates(http)
        hook = CanaryWebhook(name="by hand", type="confirm-promotion", url=f"{address}/gate/check")
        closed = await gates.ask(hook, canary())
        await ask(receiver(cluster), "/gate/open", {"name": canary().name, "namespace": canary().namespace}, **TOKEN)
        opened = await gates.ask(hook, canary())
    assert [(one.open, one.said) for one in (closed, opened)] == [(False, "403 Forbidden"), (True, "200 Approved")]


def test_the_last_changes_are_remembered_and_no_more() -> None:
    """Newest first."""
    kept = None
    for one in range(REMEMBERED + 5):
        kept = changed(kept, Change(open=one % 2 == 0, by=f"b{one}", at="2026-01-01T00:00:00Z"))
    assert [one.by for one in changes(kept)] == [f"b{one}" for one in range(REMEMBERED + 4, 4, -1)]
    assert is_open(kept)


@pytest.mark.parametrize("kept", [None, "", "true", "[1]", '[{"open": "perhaps"}]', '{"open": true}'])
def test_what_nobody_can_read_opens_nothing(kept: str | None) -> None:
    """Somebody may have written it by hand."""
    assert not is_open(kept)


def test_names_at_their_limits_have_keys_of_their_own() -> None:
    """A ConfigMap's keys are shorter than two names may be."""
    long = [Switch("rollback", "n" * 63, "a" * 252 + end) for end in "xy"]
    assert len({one.key for one in long}) == 2
    assert all(len(one.key) <= LONGEST_KEY for one in long)
