"""Logging in to Azure DevOps as who sluice is to Azure: the pod's workload identity, the node's, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from blocks.sources import git_azure
from blocks.sources.git import remote_of
from sluice.errors import InvalidError, TerminalError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.recent import Recent
from tests.blocks.registries.small import Registry
from tests.memory_cluster import MemoryCluster

HIDDEN = "hunter2-and-more"
URL = "https://dev.azure.com/acme/shop/_git/deploy"


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    running = Registry()
    running.answer = lambda request: (200, {}, {"access_token": HIDDEN, "expires_in": 3599})
    (tmp_path / "token").write_text("assertion\n")
    for name, value in (
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token")),
        ("AZURE_AUTHORITY_HOST", f"http://{running.host}/"),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{running.host}"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(git_azure, "_tokens", Recent(10))
    yield running
    running.close()


def source(**spec: Any) -> GitRepository:
    return GitRepository.parse(
        {"metadata": {"name": "app", "namespace": "team"}, "spec": {"url": URL, "provider": "azure", **spec}}
    )


async def test_a_workload_identity_gives_the_token(azure: Registry) -> None:
    """For Azure DevOps, whose name Entra ID has as a number; it is asked for once in five minutes."""
    for _ in range(2):
        remote = await remote_of(MemoryCluster(), source())  # type: ignore[arg-type]
        assert remote.credentials
        assert remote.credentials.bearer_token.get_secret_value() == HIDDEN
    assert len(azure.asked) == 1
    form = parse_qs(azure.bodies[0])
    assert form["scope"] == ["499b84ac-1321-427f-aa17-267ca6975798/.default"]
    assert form["client_assertion"] == ["assertion"]


async def test_a_node_s_identity_gives_the_token(azure: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE")
    remote = await remote_of(MemoryCluster(), source())  # type: ignore[arg-type]
    assert remote.credentials
    assert remote.credentials.bearer_token.get_secret_value() == HIDDEN
    asked = parse_qs(urlsplit(azure.asked[0][1]).query)
    assert asked["resource"] == ["499b84ac-1321-427f-aa17-267ca6975798"]


async def test_a_refusal_is_named_without_what_was_shown(azure: Registry) -> None:
    """The assertion is in no message."""
    azure.answer = lambda request: (401, {}, {"error": "assertion"})
    with pytest.raises(TerminalError, match=r"no login for dev\.azure\.com/acme/shop") as caught:
        await remote_of(MemoryCluster(), source())  # type: ignore[arg-type]
    assert "assertion" not in str(caught.value).replace("client_assertion", "")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"url": "ssh://git@ssh.dev.azure.com/v3/acme/shop/deploy"}, r"spec\.provider azure logs in by https"),
        ({"provider": "acme"}, r"spec\.provider 'acme' is not supported yet; use one of: generic, github, azure"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(azure: Registry, spec: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError, match=said):
        await remote_of(MemoryCluster(), source(**spec))  # type: ignore[arg-type]
    assert azure.asked == []
