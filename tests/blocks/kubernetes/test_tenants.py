"""Clusters of tenants: whose rights, which cluster, and what a cluster that is away costs the others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from blocks.kubernetes import tenants
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.elsewhere import way_of
from blocks.kubernetes.kinds import NAMESPACE
from blocks.kubernetes.tenants import Tenants, tenant
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from tests.blocks.kubernetes.tls_server import TlsServer
from tests.memory_cluster import MemoryCluster

NS = "team"


@dataclass
class Here:
    """What a tenant's cluster is made of: our own cluster, and the rules."""

    cluster: Any
    tenants: Tenants = field(default_factory=Tenants)


def kustomization(**spec: Any) -> Kustomization:
    body = {"sourceRef": {"name": "a"}, "prune": True, **spec}
    return Kustomization.parse({"metadata": {"name": "app", "namespace": NS}, "spec": body})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(name: str, **data: str) -> dict[str, Any]:
    data = {key: encoded(value) for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NS}, "data": data}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TlsServer]:
    made = TlsServer(tmp_path)
    await made.start()
    yield made
    await made.close()


def whole(there: TlsServer, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    """A kubeconfig with all that it needs in itself."""
    found = there.kubeconfig(user)
    found["clusters"][0]["cluster"] = {
        "server": there.url,
        "certificate-authority-data": encoded(there.authority.pem),
        **cluster,
    }
    return found


@pytest.fixture
async def here() -> AsyncIterator[Here]:
    made = Here(MemoryCluster())
    yield made
    await made.tenants.close()


OTHER = {"kubeConfig": {"secretRef": {"name": "other"}}}


async def test_another_cluster_is_reached_by_a_secret(server: TlsServer, here: Here) -> None:
    """The key `value`, else `value.yaml`, else the one that is named."""
    server.accepted = {"t1"}
    text = yaml.safe_dump(whole(server, {"token": "t1"}))
    here.cluster.add(secret("other", **{"value.yaml": text}), secret("named", prod=text))
    for way in ({"name": "other"}, {"name": "named", "key": "prod"}):
        async with tenant(here, kustomization(kubeConfig={"secretRef": way})) as cluster:
            assert await cluster.list(NAMESPACE) == []
    assert set(server.shown) == {"t1"}


async def test_a_client_certificate_gets_in(server: TlsServer, here: Here) -> None:
    """The other way that a kubeconfig has without a program or a file."""
    server.accepted = {"ann"}
    certificate, key = server.authority.issue("ann")
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, user))))
    async with tenant(here, kustomization(**OTHER)) as cluster:
        assert await cluster.list(NAMESPACE) == []
    assert set(server.shown) == {"ann"}


async def test_a_connection_is_kept_and_changes_with_its_secret(server: TlsServer, here: Here) -> None:
    """Syncs share it; what is under way over the old one goes on."""
    server.accepted = {"t1", "t2"}
    here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, {"token": "t1"}))))
    async with tenant(here, kustomization(**OTHER)) as first:
        async with tenant(here, kustomization(**OTHER)) as second:
            assert second.server.api is first.server.api
        here.cluster.vanish(tenants.SECRET, "other", NS)
        here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, {"token": "t2"}))))
        async with tenant(here, kustomization(**OTHER)) as third:
            await third.list(NAMESPACE)
            assert server.shown[-1] == "t2"
        await first.list(NAMESPACE)
        assert server.shown[-1] == "t1"
        session = first.server.api.rest_client.pool_manager
    assert session.closed, "nobody uses the old one any more"


async def test_an_answer_is_good_for_a_while(server: TlsServer, here: Here) -> None:
    """A sync that has nothing to write asks the other cluster nothing."""
    clock = [0.0]
    here.tenants.clock = lambda: clock[0]
    server.accepted = {"t1"}
    here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, {"token": "t1"}))))
    for at, asked in ((0.0, 1), (59.0, 1), (61.0, 2)):
        clock[0] = at
        async with tenant(here, kustomization(**OTHER)):
            pass
        assert len(server.shown) == asked


async def test_a_cluster_that_is_away_is_tried_once_for_all(server: TlsServer, here: Here) -> None:
    """A hundred Kustomizations of it cost one try; the next one comes after a while, and others never waited."""
    clock = [0.0]
    here.tenants.clock = lambda: clock[0]
    server.accepted = {"t1"}
    text = yaml.safe_dump(whole(server, {"token": "t1"}))
    away = text.replace(server.url, "https://127.0.0.1:9")
    here.cluster.add(secret("other", value=away), secret("well", value=text))

    async def use(name: str) -> str:
        try:
            async with tenant(here, kustomization(kubeConfig={"secretRef": {"name": name}})) as cluster:
                return cluster.name
        except TransientError as error:
            return str(error)

    ends = await asyncio.gather(*(use("other") for _ in range(100)), use("well"))
    assert ends[-1] == "cluster of Secret team/well"
    assert len(set(ends[:-1])) == 1
    assert "cluster of Secret team/other does not answer" in ends[0]
    here.cluster.vanish(tenants.SECRET, "other", NS)
    here.cluster.add(secret("other", value=text))
    assert await use("other") == "cluster of Secret team/other", "another kubeconfig is another try"


async def test_one_that_came_back_is_found_after_a_while(server: TlsServer, here: Here) -> None:
    """Not before: each try waits for a timeout."""
    clock = [0.0]
    here.tenants.clock = lambda: clock[0]
    server.accepted = {"t1"}
    here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, {"token": "t1"}))))
    await server.close()
    with pytest.raises(TransientError):
        async with tenant(here, kustomization(**OTHER)):
            pass
    port = int(server.url.rpartition(":")[2])
    await server.start(port)
    with pytest.raises(TransientError, match="does not answer") as caught:
        async with tenant(here, kustomization(**OTHER)):
            pass
    assert caught.value.retry_after == tenants.AWAY
    clock[0] = tenants.AWAY + 1
    async with tenant(here, kustomization(**OTHER)) as cluster:
        assert await cluster.list(NAMESPACE) == []


async def test_a_connection_that_nobody_uses_is_closed(server: TlsServer, here: Here) -> None:
    """A thousand clusters that were there once hold nothing."""
    clock = [0.0]
    here.tenants.clock = lambda: clock[0]
    server.accepted = {"t1"}
    text = yaml.safe_dump(whole(server, {"token": "t1"}))
    here.cluster.add(secret("other", value=text), secret("well", value=text))
    async with tenant(here, kustomization(**OTHER)) as old:
        session = old.server.api.rest_client.pool_manager
    clock[0] = tenants.UNUSED + 1
    async with tenant(here, kustomization(kubeConfig={"secretRef": {"name": "well"}})):
        assert session is None or session.closed
        assert len(here.tenants._connections) == 1


async def test_refused_credentials_name_the_secret_and_not_its_content(server: TlsServer, here: Here) -> None:
    """With the way out."""
    here.cluster.add(secret("other", value=yaml.safe_dump(whole(server, {"token": "hunter2"}))))
    with pytest.raises(
        TerminalError, match=r"the credentials of Secret team/other are refused: put newer ones"
    ) as caught:
        async with tenant(here, kustomization(**OTHER)):
            pass
    assert "hunter2" not in str(caught.value)


USER = "users[].user"
CLUSTER = "clusters[].cluster"


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({"exec": {"command": "sh", "apiVersion": "v1"}}, {}, "exec would run a program"),
        ({"auth-provider": {"name": "gcp"}}, {}, "auth-provider would run a program"),
        ({"tokenFile": "/var/run/secrets/token"}, {}, "tokenFile names a file"),
        ({"client-certificate": "/etc/x", "client-key": "/etc/y"}, {}, "client-certificate names a file"),
        ({"token": "hunter2"}, {"certificate-authority": "/etc/x"}, "certificate-authority names a file"),
        ({"token": "hunter2", "as": "system:admin"}, {}, "as is not supported"),
        ({"token": "hunter2"}, {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        ({"token": "hunter2"}, {"proxy-url": "http://proxy"}, "proxy-url"),
        ({"token": "hunter2"}, {"server": "http://example.org"}, "https://host"),
        ({"token": "hunter2"}, {"server": "https://user:hunter2@example.org"}, "https://host"),
        ({"token": "hunter2"}, {"certificate-authority-data": "%"}, "no base64 of PEM"),
    ],
)
def test_what_a_kubeconfig_may_not_do_is_refused_by_its_field(
    tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], said: str
) -> None:
    """It would run a program of the worker, read its files, or be anybody."""
    config = whole(TlsServer(tmp_path, url="https://example.org"), user, **cluster)
    with pytest.raises(InvalidError, match=said) as caught:
        way_of(yaml.safe_dump(config), "Secret team/other").connect("x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "hunter2: [", "- hunter2", "a: 1", "current-context: x\ncontexts: hunter2", "[" * 5000]
)
def test_what_is_no_kubeconfig_is_refused(text: str) -> None:
    """Without a word of it."""
    with pytest.raises(InvalidError, match="Secret team/other") as caught:
        way_of(text, "Secret team/other")
    assert "hunter2" not in str(caught.value)


async def test_what_is_missing_is_named(here: Here) -> None:
    """The field, the object, the key."""
    with pytest.raises(NotFoundError, match=r"spec\.kubeConfig\.secretRef: Secret team/other is not there"):
        async with tenant(here, kustomization(**OTHER)):
            pass
    here.cluster.add(secret("other", prod="x"))
    with pytest.raises(InvalidError, match="no key 'value'"):
        async with tenant(here, kustomization(**OTHER)):
            pass
    with pytest.raises(InvalidError, match="set one of secretRef and configMapRef"):
        kustomization(kubeConfig={})


@dataclass
class Api:
    """Our own API server: what each request was, and a token for who asks."""

    asked: list[tuple[str, str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    lasts: float = 3600.0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path, request.headers.get("Impersonate-User", "")))
        if request.path.endswith("/token"):
            self.bodies.append(await request.json())
            end = (datetime.now(UTC) + timedelta(seconds=self.lasts)).isoformat().replace("+00:00", "Z")
            return web.json_response({"status": {"token": f"t{len(self.bodies)}", "expirationTimestamp": end}})
        if "/configmaps/" in request.path:
            return web.json_response(self.config)
        return web.json_response({"items": [], "metadata": {"resourceVersion": "1"}})

    config: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[tuple[Api, Here]]:
    made = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    path = tmp_path / "own.yaml"
    document = {
        "current-context": "own",
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}],
        "clusters": [{"name": "own", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "own", "user": {"token": "ours"}}],
    }
    path.write_text(yaml.safe_dump(document))
    here = Here(await Cluster.connect(str(path)))
    yield made, here
    await here.tenants.close()
    await here.cluster.close()
    await runner.cleanup()


async def test_what_is_applied_is_applied_in_the_name_of_the_service_account(api: tuple[Api, Here]) -> None:
    """Of the manifest's own namespace; where it names none the installation's default, and without one we are ourselves."""
    made, here = api
    for account, default, expected in (
        ("deployer", "", "system:serviceaccount:team:deployer"),
        ("deployer", "default", "system:serviceaccount:team:deployer"),
        ("", "default", "system:serviceaccount:team:default"),
        ("", "", ""),
    ):
        here.tenants.default_service_account = default
        async with tenant(here, kustomization(serviceAccountName=account)) as cluster:
            await cluster.list(NAMESPACE)
        assert made.asked[-1][2] == expected
    await here.cluster.list(NAMESPACE)
    assert made.asked[-1][2] == "", "our own requests are ours"


@pytest.mark.parametrize("name", ["a\nImpersonate-Group: system:masters", "A", "a/b", "-", "a:b"])
async def test_what_is_no_name_of_an_account_is_refused(here: Here, name: str) -> None:
    """It goes into a header."""
    with pytest.raises(InvalidError, match=r"spec\.serviceAccountName"):
        async with tenant(here, kustomization(serviceAccountName=name)):
            pass


async def test_another_cluster_that_trusts_our_tokens_is_reached_without_a_secret(
    api: tuple[Api, Here], server: TlsServer
) -> None:
    """Flux's provider `generic`: a token of the named account for the other cluster, and another one before that ends."""
    made, here = api
    server.accepted = {"t1", "t2"}
    config = {
        "provider": "generic",
        "address": server.url,
        "ca.crt": server.authority.pem,
        "audiences": "one\ntwo\n",
        "serviceAccountName": "deployer",
    }
    made.config = {"data": config}
    wanted = kustomization(kubeConfig={"configMapRef": {"name": "other"}}, serviceAccountName="applier")
    async with tenant(here, wanted) as cluster:
        await cluster.list(NAMESPACE)
    assert ("POST", "/api/v1/namespaces/team/serviceaccounts/deployer/token", "") in made.asked
    assert made.bodies[0]["spec"] == {"audiences": ["one", "two"], "expirationSeconds": 3600}
    assert set(server.shown) == {"t1"}
    server.accepted = {"t2"}
    cluster.server.login._asked_at = -100.0  # type: ignore[union-attr]
    async with tenant(here, wanted) as cluster:
        await cluster.list(NAMESPACE)
    assert server.shown[-1] == "t2", "a token that is refused is no end"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"provider": "aws"}, "provider 'aws' is not supported yet"),
        ({"address": "http://example.org"}, "address is https"),
        ({"address": ""}, "address is https"),
        ({"serviceAccountName": ""}, "serviceAccountName names who"),
        ({"serviceAccountName": "../../x"}, "serviceAccountName names who"),
    ],
)
async def test_a_config_map_that_leads_nowhere_is_refused_by_its_key(
    api: tuple[Api, Here], change: dict[str, str], said: str
) -> None:
    """With what it should say."""
    made, here = api
    data = {"provider": "generic", "address": "https://example.org", "serviceAccountName": "deployer", **change}
    made.config = {"data": data}
    with pytest.raises(InvalidError, match=said):
        async with tenant(here, kustomization(kubeConfig={"configMapRef": {"name": "other"}})):
            pass


def test_references_to_other_namespaces_may_be_forbidden() -> None:
    """As with Flux's `--no-cross-namespace-refs`; the message names the reference and the setting."""
    key = SourceKey("GitRepository", "platform", "fleet")
    Tenants().refuse_foreign(NS, key)
    closed = Tenants(own_namespace_only=True)
    closed.refuse_foreign(NS, key._replace(namespace=NS))
    with pytest.raises(InvalidError, match=r"GitRepository platform/fleet .*SLUICE_NO_CROSS_NAMESPACE_REFS"):
        closed.refuse_foreign(NS, key)
