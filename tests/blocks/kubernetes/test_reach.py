"""The way to a cluster: in a pod, by a kubeconfig; each of them ends and is renewed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import NAMESPACE
from blocks.kubernetes.logins import token_file
from deployments.settings import Settings
from sluice.errors import TerminalError
from tests.blocks.kubernetes.plugins import by_kubeconfig
from tests.blocks.kubernetes.tls_server import TlsServer


@pytest.fixture
def account(server: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pod's service account, as the kubelet lays it out."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in {"token": "t1", "ca.crt": server.authority.pem, "namespace": "delivery"}.items():
        (folder / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", server.url.rpartition(":")[2])
    return folder


async def test_in_a_pod_its_service_account_is_enough(server: TlsServer, account: Path) -> None:
    """No kubeconfig anywhere: host and port from the environment, authority and token from the folder."""
    server.accepted = {"t1"}
    cluster = await Cluster.connect(service_account=account)
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()
    assert server.shown == ["t1"]


async def test_a_token_of_a_pod_is_read_again_before_it_ends(
    server: TlsServer, account: Path, clock: list[float]
) -> None:
    """The kubelet replaces it; a newline at its end does no harm."""
    server.accepted = {"t1", "t2"}
    cluster = await Cluster.connect(service_account=account)
    await cluster.list(NAMESPACE)
    (account / "token").write_text("t2\n")
    await cluster.list(NAMESPACE)
    clock[0] += token_file.PERIOD
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["t1", "t1", "t2"]


async def test_a_token_of_a_pod_that_is_refused_is_read_again_at_once(server: TlsServer, account: Path) -> None:
    """Also by a watch. Where the file has no other one, the error says whose it is."""
    server.accepted, server.events = {"t1"}, [b'{"type": "ADDED", "object": {}}']
    cluster = await Cluster.connect(service_account=account)
    await cluster.list(NAMESPACE)
    server.accepted = {"t2"}
    (account / "token").write_text("t2")
    assert [change.type async for change in cluster.watch(NAMESPACE, "7")] == ["ADDED"]
    server.accepted = set()
    with pytest.raises(TerminalError, match="this pod's service account"):
        await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["t1", "t1", "t2", "t2"]


async def test_a_token_file_that_is_empty_for_a_moment_keeps_the_old_one(
    server: TlsServer, account: Path, clock: list[float]
) -> None:
    """Files are replaced in steps on some volumes."""
    server.accepted = {"t1"}
    cluster = await Cluster.connect(service_account=account)
    await cluster.list(NAMESPACE)
    (account / "token").write_text("")
    clock[0] += 2 * token_file.PERIOD
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["t1", "t1"]


def test_the_leases_of_a_pod_are_in_its_own_namespace(account: Path) -> None:
    """What rights it has, it has there; what somebody set goes before."""
    assert Settings(service_account=account).leases_in == "delivery"
    assert Settings(service_account=account, namespaces=("a", "b")).leases_in == "a"
    assert Settings(service_account=account, lease_namespace="x").leases_in == "x"
    assert Settings(service_account=account, kubeconfig=Path("config")).leases_in == "default"
    assert Settings(service_account=account / "none").leases_in == "default"


@pytest.mark.parametrize(
    ("kubeconfig", "context", "said"),
    [(None, None, "service account"), ("nothing", None, "nothing"), (None, "other", "other")],
    ids=["nothing at all", "no such file", "a context without a file"],
)
async def test_no_way_to_a_cluster_says_what_was_tried(
    server: TlsServer, tmp_path: Path, kubeconfig: str | None, context: str | None, said: str
) -> None:
    """Each place that was looked at is named."""
    with pytest.raises(TerminalError, match="no way to a cluster") as caught:
        await Cluster.connect(kubeconfig, context, tmp_path / "none")
    assert said in str(caught.value)


async def test_a_token_file_of_a_kubeconfig_is_read_again(server: TlsServer, clock: list[float]) -> None:
    """The official client reads it once."""
    (server.folder / "token").write_text("t1\n")
    server.accepted = {"t1", "t2"}
    cluster = await by_kubeconfig(server, {"tokenFile": "token"})
    await cluster.list(NAMESPACE)
    (server.folder / "token").write_text("t2\n")
    clock[0] += token_file.PERIOD
    await cluster.list(NAMESPACE)
    await cluster.close()
    assert server.shown == ["t1", "t2"]


async def test_a_kubeconfig_that_was_written_anew_is_read_again(server: TlsServer) -> None:
    """Logging in rewrites the file; where it did not, the refusal names user and file."""
    server.accepted = {"t1"}
    cluster = await by_kubeconfig(server, {"token": "t1"})
    await cluster.list(NAMESPACE)
    server.accepted = {"t2"}
    (server.folder / "config").write_text(yaml.safe_dump(server.kubeconfig({"token": "t2"})))
    assert await cluster.list(NAMESPACE) == []
    server.accepted = set()
    with pytest.raises(TerminalError, match=r"user ann of kubeconfig .*/config is refused: log in again"):
        await cluster.list(NAMESPACE)
    await cluster.close()


async def test_the_certificate_of_a_kubeconfig_that_was_written_anew_is_used(server: TlsServer) -> None:
    """As a tool that renews the certificates of a cluster's administrators does."""

    def user(name: str) -> dict[str, Any]:
        certificate, key = (base64.b64encode(part.encode()).decode() for part in server.authority.issue(name))
        return {"client-certificate-data": certificate, "client-key-data": key}

    server.accepted = {"cert1"}
    cluster = await by_kubeconfig(server, user("cert1"))
    await cluster.list(NAMESPACE)
    server.accepted = {"cert2"}
    (server.folder / "config").write_text(yaml.safe_dump(server.kubeconfig(user("cert2"))))
    assert await cluster.list(NAMESPACE) == []
    await cluster.close()


async def test_a_user_with_a_password_or_without_anything_works(server: TlsServer) -> None:
    """What the official client knows stays as it was."""
    server.accepted = {"Basic YTpi", ""}
    for user in ({"username": "a", "password": "b"}, {}):
        cluster = await by_kubeconfig(server, user)
        assert await cluster.list(NAMESPACE) == []
        await cluster.close()
    assert server.shown == ["Basic YTpi", ""]
