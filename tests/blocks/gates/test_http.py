"""Gates: what they are asked, and what counts as open."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from blocks.gates import http
from blocks.gates.http import payload
from blocks.gates.table import GATES, Gates
from sluice.gates.points import POINTS
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.samples import canary

CANARY = canary(None, {"phase": "Progressing", "lastAppliedSpec": "abc123"})


def webhook(**fields: Any) -> CanaryWebhook:
    return CanaryWebhook.model_validate({"name": "e2e", "url": "http://gate.test/check", **fields})


def webhooks(handle: Callable[[httpx.Request], httpx.Response]) -> Gates:
    return Gates(httpx.AsyncClient(transport=httpx.MockTransport(handle)))


async def test_a_gate_is_asked_in_flagger_s_form() -> None:
    """Name, namespace, phase, checksum and the user's metadata, as JSON by POST."""
    asked: list[httpx.Request] = []

    def gate(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    await webhooks(gate).ask(webhook(metadata={"suite": "smoke"}), CANARY)
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "http://gate.test/check")
    assert json.loads(request.content) == {
        "name": "shop",
        "namespace": "shop-test",
        "phase": "Progressing",
        "checksum": "abc123",
        "metadata": {"suite": "smoke"},
    }


@pytest.mark.parametrize(
    ("status", "is_open"),
    [(200, True), (202, True), (204, True), (301, False), (400, False), (403, False), (500, False)],
)
async def test_any_success_opens_a_gate_and_nothing_else_does(status: int, is_open: bool) -> None:
    """204 opens too: that Flagger refuses it surprises people. What the gate said is kept for them."""
    answer = await webhooks(lambda _: httpx.Response(status, text="we\n said  so")).ask(webhook(), CANARY)
    assert (answer.gate, answer.open, answer.said) == ("e2e", is_open, f"{status} we said so")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses between retries."""
    monkeypatch.setattr(http, "FIRST_RETRY", 0)


@pytest.mark.parametrize(
    ("status", "calls"), [(500, 3), (503, 3), (429, 3), (501, 1), (403, 1), (400, 1), (301, 1), (200, 1)]
)
async def test_only_a_service_in_trouble_is_asked_again(status: int, calls: int) -> None:
    """As with Flagger's client: a gate that says 403 is closed, and a closed one is not asked three times."""
    asked = 0

    def gate(_: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(status)

    await webhooks(gate).ask(webhook(retries=2), CANARY)
    assert asked == calls


async def test_a_service_that_asks_for_time_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """But no more than the longest pause: a year would be a closed gate that nobody asks."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(http.asyncio, "sleep", sleep)
    answers = [httpx.Response(503, headers={"Retry-After": wait}) for wait in ("7", "31536000")]
    await webhooks(lambda _: answers.pop(0) if answers else httpx.Response(200)).ask(webhook(retries=2), CANARY)
    assert waited == [7.0, http.LONGEST_RETRY]


@pytest.mark.parametrize("kind", POINTS)
async def test_each_type_is_sent_the_phase_that_flagger_sends_it(kind: str) -> None:
    """Services decide by it: before a promotion it is Progressing, also while the Canary shows that it waits."""
    point, found = POINTS[kind], canary(None, {"phase": "WaitingPromotion"})
    phase = payload(webhook(type=kind), found)["phase"]
    assert phase == (
        "WaitingPromotion" if kind in {"confirm-rollout", "rollback", "post-rollout", "event"} else "Progressing"
    )
    assert point.type == kind


@pytest.mark.parametrize("retries", [0, 2])
async def test_a_gate_that_does_not_answer_is_closed_after_its_retries(retries: int) -> None:
    """Silence is a closed gate that says so, not an error; it is asked again as often as its owner wants."""
    calls = 0

    def gate(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectTimeout("nobody", request=request)

    answer = await webhooks(gate).ask(webhook(retries=retries), CANARY)
    assert calls == retries + 1
    assert not answer.open
    assert answer.said.startswith("http://gate.test/check does not answer")


async def test_a_retry_that_is_answered_opens() -> None:
    """One lost connection does not fail a release."""
    answers = [httpx.ConnectError("lost"), httpx.Response(200)]

    def gate(request: httpx.Request) -> httpx.Response:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert (await webhooks(gate).ask(webhook(retries=1), CANARY)).open


async def test_a_gate_has_as_long_as_its_owner_says() -> None:
    """The webhook's timeout is that of the call."""
    seen: dict[str, Any] = {}

    def gate(request: httpx.Request) -> httpx.Response:
        seen.update(request.extensions["timeout"])
        return httpx.Response(200)

    await webhooks(gate).ask(webhook(timeout="3s"), CANARY)
    assert seen["read"] == 3.0


def test_a_canary_without_a_status_can_be_asked_about() -> None:
    """Before its first phase the fields are there and empty."""
    assert payload(webhook(type="confirm-rollout"), canary())["phase"] == ""


async def test_a_login_in_a_gate_s_address_is_sent_and_never_shown() -> None:
    """The gate gets it as basic authentication; what people read of a gate that is away has none of it."""
    asked: list[httpx.Request] = []

    def gate(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("nobody there", request=request)

    address = "http://bot:TOKEN@gate.test/check?key=TOKEN"
    answer = await webhooks(gate).ask(webhook(url=address, retries=0), CANARY)
    assert asked[0].headers["Authorization"] == "Basic Ym90OlRPS0VO"
    assert "http://gate.test/check" in answer.said
    assert "TOKEN" not in answer.said


@pytest.mark.parametrize("scheme", GATES)
async def test_every_gate_that_cannot_be_asked_is_closed_and_says_why(scheme: str) -> None:
    """The contract of the table: nothing is raised, whoever is away."""

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    webhook = CanaryWebhook(name="e2e", url=f"{scheme}://gate.test/run")
    answer = await webhooks(away).ask(webhook, canary())
    assert (answer.gate, answer.open) == ("e2e", False)
    assert "gate.test" in answer.said


async def test_a_scheme_that_no_gate_has_is_a_closed_gate_that_names_the_known_ones() -> None:
    """A typo, or a package that is not installed: the release waits and says for what."""
    answer = await webhooks(lambda _: httpx.Response(200)).ask(CanaryWebhook(name="x", url="htp://gate.test"), canary())
    assert not answer.open
    assert "htp://" in answer.said
    assert "http://, https://" in answer.said
