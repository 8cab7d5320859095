"""`sluice doctor`: what answers, what does not, and the way out, against small servers behind real ports."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.kubernetes.kinds import CANARY
from deployments.rights.review import REVIEW
from deployments.settings import Settings
from deployments.tools import doctor
from deployments.tools.doctor import Finding, examined
from lab.standins import slack
from tests.blocks.metrics.servers import served as metrics_served
from tests.deployments.test_extensions import Site
from tests.served import served

ROOT = Path(__file__).resolve().parents[3]
TOKEN, LOGIN = "xoxb-SECRET", "admin:SECRET"


@dataclass
class Api:
    """A Kubernetes API server, and a Prefect server under `/api`, as far as the doctor asks them.

    Attributes:
        asked: method and path of every call.
        installed: whether sluice's kinds are.
        mine: namespaces that may be read; empty for all.
        refused: verb and resource of each right that is not given.
        silent: answers nothing, as long as the test goes on.
        over: the test is.
    """

    asked: list[str] = field(default_factory=list)
    installed: bool = True
    mine: tuple[str, ...] = ()
    silent: bool = False
    refused: set[tuple[str, str]] = field(default_factory=set)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if self.silent:
            await self.over.wait()
        if path == "/version":
            return JSONResponse({"gitVersion": "v1.35.0"})
        if path == "/api/admin/version":
            expected = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
            known = request.headers.get("Authorization") == expected
            return JSONResponse("3.8.8" if known else {"detail": "Unauthorized"}, status_code=200 if known else 401)
        if path == REVIEW:
            asked = (await request.json())["spec"]["resourceAttributes"]
            allowed = (asked["verb"], asked["resource"]) not in self.refused
            return JSONResponse({"status": {"allowed": allowed}})
        if path == f"/apis/{CANARY.api_version}" and self.installed:
            named = {"kind": "Canary", "name": "canaries", "namespaced": True}
            return JSONResponse({"resources": [named]})
        if path in {CANARY.path(one) for one in self.mine or (None,)}:
            return JSONResponse({"items": [], "metadata": {"resourceVersion": "1"}})
        if path.endswith("/canaries"):
            return JSONResponse({"message": "canaries is forbidden"}, status_code=403)
        return JSONResponse({"message": "not found"}, status_code=404)


@dataclass
class Outside:
    """All that an installation needs, and settings that name it."""

    api: Api
    url: str
    settings: dict[str, Any]

    async def findings(self, **changed: Any) -> dict[str, Finding]:
        return {one.about: one for one in await examined(Settings(**{**self.settings, **changed}))}


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Outside]:
    api = Api()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        routes = [Route("/{path:path}", api.handle, methods=["GET", "POST", "PATCH", "PUT", "DELETE"])]
        url = await enter(served(Starlette(routes=routes)))
        prometheus = await enter(metrics_served("prometheus"))
        chat = await enter(served(slack.application(tmp_path, TOKEN)))
        stack.callback(api.over.set)  # before the servers end: they wait for what is being answered
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "it", "cluster": {"server": url}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
            "users": [{"name": "me", "user": {}}],
            "current-context": "it",
        }
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
        settings = {
            "home": tmp_path,
            "kubeconfig": tmp_path / "kubeconfig",
            "prefect_api_url": f"{url}/api",
            "prefect_auth": SecretStr(LOGIN),
            "metrics_url": prometheus.replace("http://", "http://bot:SECRET@"),
            "slack_token": SecretStr(TOKEN),
            "slack_url": f"{chat}/api/",
        }
        yield Outside(api, url, settings)


async def test_what_answers_says_so_and_nothing_is_written(outside: Outside) -> None:
    """One finding a thing, without secrets; no lease is taken, so that it may run next to a worker."""
    found = await outside.findings()
    names = [name.partition(" at ")[0] for name in found]
    assert names == [
        "packages",
        "home",
        "cluster it",
        "Canaries",
        "rights",
        "Prefect",
        "Prometheus",
        "Slack channel deliveries",
    ]
    assert {name: one.said for name, one in found.items() if not one.well} == {}
    said = " ".join(f"{one.about} {one.said}" for one in found.values())
    for part in ("v1.35.0", "all namespaces", "3.8.8", "sluice of lab", "gatewayapi:v1"):
        assert part in said
    assert "SECRET" not in said
    assert {one for one in outside.api.asked if not one.startswith("GET ")} == {f"POST {REVIEW}"}  # stored nowhere


AWAY = "http://127.0.0.1:9"
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no home": ({"home": Path("/proc/nope")}, "home", "SLUICE_HOME=/proc/nope cannot be written.*set SLUICE_HOME"),
    "no kubeconfig": ({"kubeconfig": Path("/nowhere")}, "cluster", "SLUICE_KUBECONFIG"),
    "no cluster": ({"context": "other"}, "cluster", "SLUICE_CONTEXT"),
    "no right": ({"namespaces": ("a",)}, "Canaries", "canaries is forbidden"),
    "no Prefect": ({"prefect_api_url": f"{AWAY}/api"}, "Prefect", "start it with `sluice up`"),
    "no login": ({"prefect_auth": None}, "Prefect", "401.*SLUICE_PREFECT_AUTH"),
    "no Prometheus": ({"metrics_url": AWAY}, "Prometheus", "SLUICE_METRICS_URL"),
    "no such token": ({"slack_token": SecretStr("xoxb-SECRET-2")}, "Slack", "invalid_auth.*SLUICE_SLACK_TOKEN"),
}


@pytest.mark.parametrize(("changed", "about", "said"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_named_with_the_way_out_and_the_others_are_heard(
    outside: Outside, changed: dict[str, Any], about: str, said: str
) -> None:
    """One thing that is away hides nothing of the others, and no message has a secret."""
    outside.api.mine = ("b",) if "namespaces" in changed else ()
    found = await outside.findings(**changed)
    wrong = [one for one in found.values() if one.well is False]
    assert all(one.about.startswith(about) or about == "cluster" for one in wrong)
    assert wrong
    text = " ".join(one.said for one in wrong)
    assert all(part in text for part in said.split(".*"))
    assert "SECRET" not in text
    assert sum(one.well is True for one in found.values()) >= 4


async def test_a_cluster_without_sluice_s_kinds_says_how_to_install_them(outside: Outside) -> None:
    """The usual first error of a new installation."""
    outside.api.installed = False
    found = await outside.findings()
    assert found["cluster it"].well
    assert "sluice crds | kubectl apply -f -" in found["Canaries"].said


async def test_rights_are_looked_at_in_each_namespace_that_is_looked_after(outside: Outside) -> None:
    """Where a pod has rights in some namespaces only, a look at the whole cluster would be refused."""
    outside.api.mine = ("a", "b")
    found = await outside.findings(namespaces=("a", "b"))
    assert (found["Canaries"].well, found["Canaries"].said) == (True, "may be read in a, b")


async def test_a_right_that_is_missing_is_named_with_what_it_is_for(outside: Outside) -> None:
    """In each namespace that is looked after, and only the rights of the part that this is."""
    outside.api.mine = ("a", "b")
    outside.api.refused = {("patch", "httproutes"), ("delete", "leases")}
    found = await outside.findings(namespaces=("a", "b"), lease_namespace="own")
    assert found["rights"].well is False
    for part in ("3 of ", "patch httproutes.gateway.networking.k8s.io in a (the route", " in b (", "docs/install.md"):
        assert part in found["rights"].said
    assert "delete leases.coordination.k8s.io in own (signs of life" in found["rights"].said
    found = await outside.findings(namespaces=("a", "b"), part="watcher")
    assert found["rights"].well, found["rights"].said


async def test_what_an_installation_does_not_use_is_no_fault(outside: Outside) -> None:
    """It says what would switch it on."""
    found = await outside.findings(metrics_url=None, slack_token=None)
    assert (found["metrics"].well, found["chat"].well) == (None, None)
    assert "SLUICE_METRICS_URL" in found["metrics"].said


async def test_what_never_answers_is_not_waited_for(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing has its time, and the others do not wait for it."""
    monkeypatch.setattr(doctor, "WITHIN", 2.0)
    outside.api.silent = True
    found = await outside.findings()
    assert "no answer within 2 s" in found["cluster it"].said
    assert found["Slack channel deliveries"].well


async def test_a_package_that_cannot_be_loaded_is_a_finding(
    outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the start of a worker: with its name."""
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    Site(tmp_path / "site").install("acme-sluice", "acme = no_such_module:ROW", group="sluice.gates")
    found = await outside.findings()
    assert found["packages"].well is False
    assert "package acme-sluice 1.2" in found["packages"].said
    assert [one.about for one in found.values() if one.well is False] == ["packages"]


@pytest.mark.parametrize("well", [True, False])
async def test_the_command_says_a_line_for_each_and_ends_with_1_where_one_is_not_well(
    outside: Outside, well: bool
) -> None:
    """For people, and for scripts."""
    names = {name: value for name, value in outside.settings.items() if value is not None}
    plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in names.items()}
    environment = {**os.environ, **{f"SLUICE_{name.upper()}": value for name, value in plain.items()}}
    if not well:
        environment["SLUICE_METRICS_URL"] = AWAY
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "deployments.cli", "doctor"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == (0 if well else 1), run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == 8
    assert [line for line in lines if not line.startswith("ok ")] == [
        line for line in lines if line.startswith("no Prometheus")
    ]
    assert "SECRET" not in run.stdout
