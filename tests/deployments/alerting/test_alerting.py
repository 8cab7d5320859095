"""Alerts on their way: from an Event of sluice's to a real HTTP server, once, whatever it answers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from blocks.kubernetes.reports import REPORTED, report
from deployments.alerting import alerting
from deployments.alerting.alerting import ALERTED, Alerting
from sluice.errors import TransientError
from sluice.manifests.flux.kustomization import Kustomization
from tests.memory_cluster import MemoryCluster
from tests.served import served

Object = dict[str, Any]
TEAM = "team"
WITHIN = 30.0


@dataclass
class Side:
    """The receiving side."""

    answers: list[int] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    asked: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.asked += 1
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.taken.append(await request.json())
            self.headers.append(dict(request.headers))
        return PlainTextResponse("secret-of-the-side", status_code=status)


@dataclass
class Scene:
    cluster: MemoryCluster
    side: Side
    address: str

    def alert(self, name: str = "all", **spec: Any) -> None:
        sources = [{"kind": "Kustomization", "name": "*"}]
        self.add("Alert", name, {"providerRef": {"name": "side"}, "eventSources": sources} | spec)

    def provider(self, **spec: Any) -> None:
        self.add("Provider", "side", {"type": "generic", "secretRef": {"name": "side"}} | spec)

    def secret(self, **data: str) -> None:
        coded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        meta = {"name": "side", "namespace": TEAM}
        self.cluster.add({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": coded})

    def add(self, kind: str, name: str, spec: Object) -> None:
        meta = {"name": name, "namespace": TEAM}
        version = "notification.toolkit.fluxcd.io/v1beta3"
        self.cluster.add({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec})

    async def happens(self, message: str, *, warning: bool = True) -> None:
        meta = {"name": "shop", "namespace": TEAM, "uid": "u1"}
        spec = {"prune": True, "sourceRef": {"name": "fleet"}}
        await report(
            self.cluster, Kustomization.parse({"metadata": meta, "spec": spec}), "Did", message, warning=warning
        )  # type: ignore[arg-type]

    def marked(self) -> list[bool]:
        events = [item for (kind, _, _), item in self.cluster.objects.items() if kind == "Event"]
        return [ALERTED in (each["metadata"].get("annotations") or {}) for each in events]


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(alerting, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(alerting, "LONGEST_PAUSE", 0.02)
    side = Side()
    async with served(Starlette(routes=[Route("/hook", side.take, methods=["POST"])])) as address:
        it = Scene(MemoryCluster(), side, f"{address}/hook")
        it.secret(address=it.address, token="t0p")
        it.provider()
        it.alert()
        yield it


async def kept(scene: Scene, condition: Callable[[], bool], workers: int = 1) -> None:
    """Alerts are sent by so many workers until something is so."""
    tasks = [asyncio.create_task(Alerting(scene.cluster).keep()) for _ in range(workers)]  # type: ignore[arg-type]
    async with asyncio.timeout(WITHIN):
        while not condition():
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_reported_is_sent_to_the_provider_with_its_token(scene: Scene) -> None:
    await scene.happens("kustomize: no file")
    await kept(scene, lambda: bool(scene.side.taken))
    (body,) = scene.side.taken
    assert (body["message"], body["severity"], body["involvedObject"]["uid"]) == ("kustomize: no file", "error", "u1")
    assert scene.side.headers[0]["authorization"] == "Bearer t0p"


async def test_of_several_workers_one_sends_it_and_none_after_a_start(scene: Scene) -> None:
    await scene.happens("one")
    await kept(scene, lambda: bool(scene.side.taken), workers=3)
    await scene.happens("two")
    await kept(scene, lambda: len(scene.side.taken) >= 2, workers=2)
    assert sorted(body["message"] for body in scene.side.taken) == ["one", "two"]
    assert scene.marked() == [True, True]


async def test_a_side_that_is_away_gets_it_later_and_one_that_refuses_does_not(scene: Scene) -> None:
    scene.side.answers = [503, 429, 500]
    await scene.happens("later")
    await kept(scene, lambda: bool(scene.side.taken))
    assert scene.side.asked == 4
    scene.side.answers = [403] * 5
    await scene.happens("refused")
    await kept(scene, lambda: scene.side.asked == 5)
    assert (len(scene.side.taken), scene.side.asked) == (1, 5)


async def test_what_no_alert_chooses_is_neither_sent_nor_marked(scene: Scene) -> None:
    scene.alert(eventSeverity="error")
    await scene.happens("fine", warning=False)
    await scene.happens("bad")
    await kept(scene, lambda: bool(scene.side.taken))
    assert [body["message"] for body in scene.side.taken] == ["bad"]
    assert sorted(scene.marked()) == [False, True]


async def test_the_same_message_is_no_storm(scene: Scene) -> None:
    for _ in range(5):
        await scene.happens("again")
    await kept(scene, lambda: bool(scene.side.taken))
    assert len(scene.side.taken) == 1


async def test_a_cluster_that_does_not_answer_loses_no_alert(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, failed = scene.cluster.list, [TransientError("away")] * 2

    async def flaky(*args: Any, **kwargs: Any) -> Any:
        if failed:
            raise failed.pop()
        return await listed(*args, **kwargs)

    monkeypatch.setattr(scene.cluster, "list", flaky)
    await scene.happens("it")
    await kept(scene, lambda: bool(scene.side.taken))
    assert len(scene.side.taken) == 1


async def test_what_is_old_is_no_news(scene: Scene) -> None:
    await scene.happens("long ago")
    old = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for (kind, _, _), item in scene.cluster.objects.items():
        if kind == "Event":
            item["lastTimestamp"] = old
    await scene.happens("now")
    await kept(scene, lambda: bool(scene.side.taken))
    assert [body["message"] for body in scene.side.taken] == ["now"]


async def test_a_faulty_alert_or_provider_stops_no_other(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.add("Provider", "pigeon", {"type": "pigeon"})
    scene.alert("a-bad-pattern", exclusionList=["("])
    scene.alert("b-no-provider", providerRef={"name": "none"})
    scene.alert("c-unknown-type", providerRef={"name": "pigeon"})
    await scene.happens("it")
    await kept(scene, lambda: bool(scene.side.taken))
    assert len(scene.side.taken) == 1
    assert "spec.exclusionList '('" in caplog.text
    assert "spec.type 'pigeon' is not supported yet" in caplog.text


async def test_neither_address_nor_token_is_ever_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.secret(address="http://127.0.0.1:1/hook-with-a-secret", token="t0p")
    caplog.set_level("INFO")
    await scene.happens("it")
    await kept(scene, lambda: "given up" in caplog.text)
    assert "hook-with-a-secret" not in caplog.text
    assert "t0p" not in caplog.text


async def test_events_of_others_are_not_heard(scene: Scene) -> None:
    """They are not even watched: sluice's own have a label."""
    assert REPORTED == {"app.kubernetes.io/managed-by": "sluice"}
    await scene.happens("ours")
    theirs = next(item for (kind, _, _), item in scene.cluster.objects.items() if kind == "Event")
    scene.cluster.add({**theirs, "metadata": {"name": "other", "namespace": TEAM}, "message": "theirs"})
    await kept(scene, lambda: bool(scene.side.taken))
    assert [body["message"] for body in scene.side.taken] == ["ours"]
