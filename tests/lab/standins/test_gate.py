"""The gate stand-in: closed until opened, per rollout, and strict about who asks how."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.standins import gate as standin
from lab.standins.gate import application

SHOP = {"name": "shop", "namespace": "test"}


@pytest.fixture
def gate(tmp_path: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application(tmp_path)), base_url="http://gate")


async def ask(gate: httpx.AsyncClient, path: str, who: dict[str, Any] = SHOP) -> int:
    return (await gate.post(path, json=who)).status_code


async def test_a_gate_is_closed_until_it_is_opened_and_again_after(gate: httpx.AsyncClient) -> None:
    """A gate answers 403, after open 200, after close 403."""
    statuses = [await ask(gate, f"/gate/{verb}") for verb in ("check", "open", "check", "close", "check")]
    assert statuses == [403, 202, 200, 202, 403]


async def test_a_gate_is_opened_for_one_rollout_only(gate: httpx.AsyncClient) -> None:
    """Opening a gate opens no other application's and no other namespace's."""
    await ask(gate, "/gate/open")
    assert await ask(gate, "/gate/check", {**SHOP, "name": "cart"}) == 403
    assert await ask(gate, "/gate/check", {**SHOP, "namespace": "prod"}) == 403


async def test_a_rollback_switch_is_not_a_gate(gate: httpx.AsyncClient) -> None:
    """Asking for a rollback does not open the gate, nor the other way round."""
    await ask(gate, "/rollback/open")
    assert (await ask(gate, "/rollback/check"), await ask(gate, "/gate/check")) == (200, 403)


async def test_two_paths_need_no_switch(gate: httpx.AsyncClient) -> None:
    """/gate/approve always passes and /gate/halt never does."""
    assert (await ask(gate, "/gate/approve"), await ask(gate, "/gate/halt")) == (200, 403)


async def test_the_end_to_end_test_passes_until_it_is_told_to_fail(gate: httpx.AsyncClient) -> None:
    """/e2e passes, fails after /e2e/fail for that application, and passes again after /e2e/pass."""
    question = {**SHOP, "phase": "Progressing", "checksum": "5d", "metadata": {"suite": "smoke"}}
    statuses = [await ask(gate, path, question) for path in ("/e2e", "/e2e/fail", "/e2e", "/e2e/pass", "/e2e")]
    assert statuses == [200, 202, 403, 202, 200]
    assert await ask(gate, "/e2e", {"name": "cart", "namespace": "test"}) == 200
    assert (await gate.get("/-/calls")).json()[0]["metadata"] == {"suite": "smoke"}


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "shop"}, {**SHOP, "metadata": {"n": 1}}, {**SHOP, "weight": 10}, {**SHOP, "phase": None}, []],
)
async def test_a_malformed_question_is_refused_and_kept(gate: httpx.AsyncClient, body: Any) -> None:
    """A question that is not of the documented form is 400 and kept, whatever the gate's state."""
    await ask(gate, "/gate/open")
    assert await ask(gate, "/gate/check", body) == 400
    assert (await gate.get("/-/calls")).json()[-1]["status"] == 400


async def test_a_suite_is_started_once_for_a_key_and_passes(
    gate: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs at first; of a key that nobody started nothing is known."""

    async def start(key: str) -> httpx.Response:
        return await gate.post("/suites", json={}, headers={"Idempotency-Key": key})

    monkeypatch.setattr(standin, "SUITE_S", 3600.0)
    where = [(await start(key)).json()["statusUrl"] for key in ("one", "one", "two")]
    assert where == ["http://gate/suites/one", "http://gate/suites/one", "http://gate/suites/two"]
    assert [call["key"] for call in (await gate.get("/-/calls")).json()] == ["one", "two"]
    assert (await gate.get(where[0])).json()["state"] == "running"
    monkeypatch.setattr(standin, "SUITE_S", 0.0)
    assert (await gate.get(where[0])).json()["state"] == "passed"
    assert (await gate.get("/suites/three")).status_code == 404
