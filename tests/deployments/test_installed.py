"""What installed packages bring: asked for by a manifest as sluice's own are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.gates.table import Gates
from blocks.metrics.providers import Providers
from blocks.routers import router_for
from deployments import installed, wiring
from deployments.installed import all_dataplanes, all_gates, all_providers, all_routers, own_stages
from deployments.settings import Settings
from sluice.errors import TerminalError
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.measures.dataplanes import telemetry_for
from sluice.rollout.decision import Action
from tasks.rollout.table import STAGES, row_of, with_own_stages
from tests.deployments.conftest import DELIVER, Runtime
from tests.deployments.test_extensions import Site
from tests.memory_cluster import MemoryCluster
from tests.samples import canary

MODULE = """
from blocks.gates.base import Answer
from blocks.metrics.base import Provider
from blocks.routers.memory import MemoryRouter
from sluice.measures.objective import Telemetry
from sluice.rollout.decision import Action
from sluice.rollout.result import StageResult
from tasks.rollout.table import OwnStage
from tasks.stage import stage

def router(writer):
    return MemoryRouter()

class Lengths:
    def __init__(self, at):
        self.at = at

    async def value(self, query):
        return float(len(query))

def provider(at):
    return Provider(Lengths(at))

class Open:
    def __init__(self, http):
        self.http = http

    async def ask(self, webhook, canary):
        return Answer(gate=webhook.name, open=True, said=webhook.url)

def counted(canary):
    return Telemetry(total="acme_requests", buckets="b", side_label="l", canary="c", primary="p")

@stage("warm up")
async def warm_up(ref, decision):
    return StageResult()

PLANE = {"": counted}
STAGE = OwnStage(Action.SHIFT, warm_up)
LATE = OwnStage(Action.PROMOTE, warm_up)
NUMBER = 7
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    sys.modules.pop("acme_sluice", None)


@pytest.fixture
def memory_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the cluster leads to one in memory: what is tried here is what else the wiring makes."""

    async def connect(*_: Any) -> MemoryCluster:
        return MemoryCluster()

    monkeypatch.setattr(wiring.Cluster, "connect", connect)


async def test_an_installed_router_is_chosen_by_a_canary_s_provider(acme: Site) -> None:
    """And sluice's own stay where they are."""
    acme.install("acme-sluice", "acme:v1 = acme_sluice:router", MODULE, installed.ROUTERS)
    rows = all_routers()
    made = router_for("acme:v1", MemoryCluster(), rows)  # type: ignore[arg-type]
    assert type(made).__name__ == "MemoryRouter"
    assert set(rows) - {"acme:v1"} == {"", "gatewayapi", "gatewayapi:v1", "kubernetes"}


async def test_an_installed_provider_answers_the_queries_of_a_metric_template(acme: Site) -> None:
    """At the address that the template names."""
    acme.install("acme-sluice", "acme = acme_sluice:provider", MODULE, installed.METRICS)
    async with httpx.AsyncClient() as http:
        provider: Any = Providers(http, rows=all_providers()).values("acme", "http://acme.test")
    assert provider.at.address == "http://acme.test"
    assert await provider.value("four") == 4.0


async def test_an_installed_gate_is_asked_by_the_scheme_of_a_webhook_s_url(acme: Site) -> None:
    """And those over http stay where they are."""
    acme.install("acme-sluice", "acme = acme_sluice:Open", MODULE, installed.GATES)
    webhook = CanaryWebhook(name="e2e", url="acme://weekdays")
    async with httpx.AsyncClient() as http:
        gates = Gates(http, all_gates())
        answer = await gates.ask(webhook, canary())
    assert (answer.open, answer.said) == (True, "acme://weekdays")
    assert set(gates.table) == {"http", "https", "acme"}


def test_an_installed_data_plane_says_how_requests_are_counted_behind_its_router(acme: Site) -> None:
    """By the Canary's provider; behind the others it changes nothing."""
    acme.install("acme-sluice", "acme = acme_sluice:PLANE", MODULE, installed.DATAPLANES)
    rows = all_dataplanes()
    found = telemetry_for(canary({"provider": "acme"}), rows=rows)
    assert found is not None
    assert found.total == "acme_requests"
    assert telemetry_for(canary(), rows=rows) == telemetry_for(canary())


def test_an_installed_stage_runs_before_its_action(acme: Site) -> None:
    """And before no other."""
    acme.install("acme-sluice", "acme = acme_sluice:STAGE", MODULE, installed.STAGES)
    with with_own_stages(own_stages()):
        before = {action: [own.name for own in row.before] for action in Action if (row := row_of(action))}
    assert {action: names for action, names in before.items() if names} == {Action.SHIFT: ["warm up"]}


LOADERS: dict[str, Callable[[], object]] = {
    installed.ROUTERS: all_routers,
    installed.DATAPLANES: all_dataplanes,
    installed.METRICS: all_providers,
    installed.GATES: all_gates,
    installed.STAGES: own_stages,
}


@pytest.mark.parametrize(
    ("group", "point"),
    [
        *((group, "acme = acme_sluice:NUMBER") for group in LOADERS),
        (installed.ROUTERS, "gatewayapi = acme_sluice:router"),
        (installed.DATAPLANES, "gatewayapi = acme_sluice:PLANE"),
        (installed.METRICS, "prometheus = acme_sluice:provider"),
        (installed.GATES, "https = acme_sluice:Open"),
        (installed.GATES, "my_gate = acme_sluice:Open"),
        (installed.STAGES, "acme = acme_sluice:LATE"),
        (installed.STAGES, "acme = acme_sluice:warm_up"),
    ],
)
def test_what_replaces_a_row_or_is_none_stops_the_start(acme: Site, group: str, point: str) -> None:
    """With the package's name, before a release finds out."""
    acme.install("acme-sluice", point, MODULE, group)
    with pytest.raises(TerminalError, match=r"acme-sluice 1\.2.*(docs/extend|give its entry point another name)"):
        LOADERS[group]()


@pytest.mark.parametrize("group", LOADERS)
async def test_a_worker_does_not_start_with_a_package_that_cannot_be_used(
    acme: Site, group: str, tmp_path: Path, memory_reached: None
) -> None:
    """Each axis is loaded where a worker connects itself: nothing waits for the first manifest that asks for it."""
    acme.install("acme-sluice", "acme = acme_sluice:NUMBER", MODULE, group)
    with pytest.raises(TerminalError, match=rf"{group} 'acme' of package acme-sluice 1\.2"):
        async with wiring.connected(Settings(home=tmp_path)):
            pass


async def test_a_worker_s_connections_have_what_packages_bring(
    acme: Site, tmp_path: Path, memory_reached: None
) -> None:
    """Router, telemetry and stage, for the duration of the block."""
    acme.install("acme-sluice", "acme = acme_sluice:STAGE", MODULE, installed.STAGES)
    acme.install("other-sluice", "acme = acme_sluice:PLANE", MODULE, installed.DATAPLANES)
    async with wiring.connected(Settings(home=tmp_path)) as wired:
        row = row_of(Action.SHIFT)
        assert row is not None
        assert [own.name for own in row.before] == ["warm up"]
        found = wired.telemetry(canary({"provider": "acme"}))
        assert found is not None
        assert found.total == "acme_requests"
    assert row_of(Action.SHIFT) == STAGES[Action.SHIFT]


@pytest.mark.server
async def test_the_runs_of_a_worker_have_the_stages_that_it_was_started_with(acme: Site, sut: Runtime) -> None:
    """Those of an installed package reach the code of each run that the worker takes."""
    acme.install("acme-sluice", "acme = acme_sluice:STAGE", MODULE, installed.STAGES)
    with with_own_stages(own_stages()):
        async with sut.worker():
            run = await sut.start(DELIVER, image="registry/shop", tag="1.10", digest="sha256:0")
            await sut.until_state(run, "Completed")
    assert [one["own"] for one in sut.notes(flow="deliver")] == [["warm up"]]
