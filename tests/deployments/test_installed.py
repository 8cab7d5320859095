"""Routers and metrics providers that installed packages bring: asked for by a manifest as sluice's own are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.metrics.providers import Providers
from blocks.routers import router_for
from deployments import installed
from deployments.installed import all_providers, all_routers
from sluice.errors import TerminalError
from tests.deployments.test_extensions import Site
from tests.memory_cluster import MemoryCluster

MODULE = """
from blocks.metrics.base import Provider
from blocks.routers.memory import MemoryRouter

def router(writer):
    return MemoryRouter()

class Answer:
    def __init__(self, at):
        self.at = at

    async def value(self, query):
        return float(len(query))

def provider(at):
    return Provider(Answer(at))

NUMBER = 7
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    sys.modules.pop("acme_sluice", None)


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


@pytest.mark.parametrize("name", ["prometheus = acme_sluice:provider", "acme = acme_sluice:NUMBER"])
async def test_what_replaces_a_row_or_is_none_stops_the_start(acme: Site, name: str) -> None:
    """With the package's name, before a release finds out."""
    acme.install("acme-sluice", name, MODULE, installed.METRICS)
    with pytest.raises(TerminalError, match=r"acme-sluice 1\.2"):
        all_providers()
