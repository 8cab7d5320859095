"""`sluice server`: the Prefect server as a part of its own, reached by the others over the network."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deployments import runtime
from deployments.settings import Settings
from sluice.errors import TerminalError
from tests.deployments.conftest import free_port
from tests.prefect_server import patient

LOGIN = "admin:SECRET"


async def test_a_server_that_exists_is_not_started(tmp_path: Path) -> None:
    """`sluice server` next to SLUICE_PREFECT_API_URL is a mistake, named with the command that was meant."""
    with pytest.raises(TerminalError, match="sluice register"):
        await runtime.serve(Settings(home=tmp_path, prefect_api_url="http://elsewhere:4200/api"), lambda: None)


@pytest.mark.server
async def test_it_asks_who_comes_and_lets_its_own_parts_in(tmp_path: Path) -> None:
    """Probes are let through, the API is not, and sluice's deployments are registered behind the login."""
    settings = Settings(
        home=tmp_path, prefect_host="0.0.0.0", prefect_port=free_port(), prefect_auth=SecretStr(LOGIN), work_pool="own"
    )
    with runtime.prefect_for(settings), patient():
        async with runtime.server_of(settings), httpx.AsyncClient(base_url=settings.api_url, trust_env=False) as client:
            assert (await client.get("/health")).is_success
            assert (await client.get("/admin/version")).status_code == 401
            assert (await client.get("/admin/version", auth=("admin", "WRONG"))).status_code == 401
            changes = await runtime.register_all(settings)
            assert changes
            pools = await client.post("/work_pools/filter", json={}, auth=("admin", "SECRET"))
            assert "own" in {one["name"] for one in pools.json()}
            ui = await client.get(settings.api_url.removesuffix("/api") + "/ui-settings")
            assert ui.json()["api_url"] == "/api"
    assert (tmp_path / "prefect" / "ui").is_dir()
