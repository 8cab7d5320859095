"""Clusters of tenants: the cluster as one of its service accounts, or another cluster altogether.

What is in a source is applied with the rights that its owner has: `spec.serviceAccountName` stands in for us by the API
server's impersonation, and `spec.kubeConfig` leads to another cluster. Connections are kept between syncs and changed with
the Secret that they are from; a cluster that does not answer costs each sync to it one try, and others nothing.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.elsewhere import Way, way_of
from blocks.kubernetes.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT
from blocks.kubernetes.logins.requested_token import RequestedToken
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flux.kube_config import KubeConfigReference
from sluice.manifests.references import SourceKey

KNOWN_GOOD = 60.0
"""Seconds for which a cluster that answered is not asked whether it is there."""
AWAY = 15.0
"""Seconds for which one that did not answer is not asked at all."""
UNUSED = 3600.0
"""Seconds after which a connection that nobody used is closed."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_KEYS = ("value", "value.yaml")


class Wired(Protocol):
    """What a tenant's cluster is made of."""

    cluster: Cluster
    tenants: Tenants


class Spec(Protocol):
    """The fields of a manifest that say whose cluster it is for."""

    @property
    def kube_config(self) -> KubeConfigReference | None:
        """The way to another cluster."""

    @property
    def service_account_name(self) -> str:
        """Who applies it."""


class Manifest(Protocol):
    """A Kustomization or a HelmRelease."""

    @property
    def namespace(self) -> str:
        """Where it is, with its Secret and its service account."""

    @property
    def spec(self) -> Spec:
        """What it asks for."""


@dataclass(slots=True)
class _Connection:
    """One other cluster, and what is known of it."""

    mark: str
    cluster: Cluster
    used: float
    users: int = 0
    good: float = float("-inf")
    bad: float = float("-inf")
    why: str = ""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Tenants:
    """The rules for tenants of an installation, and its connections to other clusters.

    Attributes:
        default_service_account: stands in for us where a manifest names nobody; empty for our own rights.
        own_namespace_only: whether a manifest may refer to sources of its own namespace only.
        clock: seconds.
    """

    default_service_account: str = ""
    own_namespace_only: bool = False
    clock: Callable[[], float] = time.monotonic
    _connections: dict[tuple[str, str, str], _Connection] = field(default_factory=dict)

    def refuse_foreign(self, namespace: str, *references: SourceKey) -> None:
        """Go no further where a manifest of this namespace refers to another one and may not.

        Raises:
            InvalidError: names the reference.
        """
        for kind, where, name in references:
            if self.own_namespace_only and where != namespace:
                raise InvalidError(
                    f"{kind} {where}/{name} is in another namespace, and this installation allows no such reference "
                    "(SLUICE_NO_CROSS_NAMESPACE_REFS)"
                )

    async def close(self) -> None:
        """End all connections."""
        for one in self._connections.values():
            await one.cluster.close()
        self._connections.clear()

    @asynccontextmanager
    async def elsewhere(self, home: Cluster, namespace: str, wanted: KubeConfigReference) -> AsyncIterator[Cluster]:
        """Another cluster, that answers.

        Raises:
            NotFoundError: the Secret or ConfigMap is not there.
            InvalidError: it has no way to a cluster that may be gone.
            TransientError: the cluster does not answer.
        """
        one = await self._connection(home, namespace, wanted)
        one.users += 1
        try:
            await self._answers(one)
            yield one.cluster
        finally:
            one.users -= 1
            one.used = self.clock()
            await self._let_go(one)

    async def _connection(self, home: Cluster, namespace: str, wanted: KubeConfigReference) -> _Connection:
        key, mark, connect = await _read(home, namespace, wanted)
        known = self._connections.get(key)
        if known is None or known.mark != mark:
            made = _Connection(mark, connect(), self.clock())
            self._connections[key] = made
            if known is not None:
                await self._let_go(known)
            known = made
        await self._sweep(known)
        return known

    async def _answers(self, one: _Connection) -> None:
        """Ask once for all who wait, and remember the answer for a while."""
        async with one.asking:
            now = self.clock()
            if now - one.bad < AWAY:
                raise TransientError(one.why, retry_after=AWAY)
            if now - one.good < KNOWN_GOOD:
                return
            try:
                await one.cluster.ping()
            except TransientError as error:
                one.bad, one.why = self.clock(), str(error)
                raise
            one.good = self.clock()

    async def _let_go(self, one: _Connection) -> None:
        if one.users == 0 and one not in self._connections.values():
            await one.cluster.close()

    async def _sweep(self, but: _Connection) -> None:
        for key, one in list(self._connections.items()):
            if one is not but and one.users == 0 and self.clock() - one.used > UNUSED:
                del self._connections[key]
                await one.cluster.close()


@asynccontextmanager
async def tenant(wired: Wired, manifest: Manifest) -> AsyncIterator[Cluster]:
    """The cluster that a manifest's objects are for, with the rights of who applies them.

    Raises:
        InvalidError: a field cannot be obeyed; the message names it.
        NotFoundError: what it names is not there.
        TransientError: the other cluster does not answer.
    """
    spec, namespace = manifest.spec, manifest.namespace
    account = spec.service_account_name or wired.tenants.default_service_account
    if account and not _NAME.fullmatch(account):
        raise InvalidError(f"spec.serviceAccountName {account[:100]!r} is no name of a service account")
    if spec.kube_config is None:
        yield _standing_in(wired.cluster, namespace, account)
        return
    async with wired.tenants.elsewhere(wired.cluster, namespace, spec.kube_config) as cluster:
        yield _standing_in(cluster, namespace, account)


def _standing_in(cluster: Cluster, namespace: str, account: str) -> Cluster:
    """A cluster asked in the name of one of its service accounts. What it serves is known already."""
    if not account:
        return cluster
    user = f"system:serviceaccount:{namespace}:{account}"
    return replace(cluster, server=replace(cluster.server, headers={"Impersonate-User": user}))


Connect = Callable[[], Cluster]


async def _read(
    home: Cluster, namespace: str, wanted: KubeConfigReference
) -> tuple[tuple[str, str, str], str, Connect]:
    """Which connection it is, a mark that changes with what it is made of, and how it is made."""
    if wanted.secret_ref is not None:
        name, key = wanted.secret_ref.name, wanted.secret_ref.key
        where = f"spec.kubeConfig.secretRef: Secret {namespace}/{name}"
        text = _kubeconfig(await _there(home.get(SECRET, name, namespace), where), key, where)
        called = f"of Secret {namespace}/{name}"
        way = lambda: Cluster(way_of(text, where).connect(called))  # noqa: E731
        return ("Secret", f"{namespace}/{name}", key), hashlib.sha256(text.encode()).hexdigest(), way
    assert wanted.config_map_ref is not None  # noqa: S101 - the model has one of both
    name = wanted.config_map_ref.name
    where = f"spec.kubeConfig.configMapRef: ConfigMap {namespace}/{name}"
    data = (await _there(home.get(CONFIG_MAP, name, namespace), where)).get("data") or {}
    mark = hashlib.sha256(repr(sorted(data.items())).encode()).hexdigest()
    return ("ConfigMap", f"{namespace}/{name}", ""), mark, lambda: _by_token(home, namespace, name, data, where)


async def _there(asked: Any, where: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = await asked
    except NotFoundError as error:
        raise NotFoundError(f"{where} is not there") from error
    return found


def _kubeconfig(secret: dict[str, Any], key: str, where: str) -> str:
    data = secret.get("data") or {}
    for name in (key,) if key else _KEYS:
        if name in data:
            try:
                return base64.b64decode(data[name]).decode()
            except ValueError:
                raise InvalidError(f"{where}: {name!r} is not text") from None
    raise InvalidError(f"{where} has no key {key or _KEYS[0]!r} with a kubeconfig")


def _by_token(home: Cluster, namespace: str, name: str, data: dict[str, str], where: str) -> Cluster:
    """Another cluster that trusts this one's tokens: Flux's provider `generic`."""
    if (provider := data.get("provider", "")) != "generic":
        raise InvalidError(f"{where}: provider {provider!r} is not supported yet; use 'generic', or a Secret")
    address, account = data.get("address", "").strip(), data.get("serviceAccountName", "").strip()
    if not _NAME.fullmatch(account):
        raise InvalidError(f"{where}: serviceAccountName names who gets in: an account of namespace {namespace}")
    address = address if "://" in address else f"https://{address}"
    if not address.startswith("https://") or len(address) < 9 or "@" in address:
        raise InvalidError(f"{where}: address is https://host[:port] of an API server")
    audiences = tuple(line.strip() for line in data.get("audiences", "").splitlines() if line.strip())
    path = SERVICE_ACCOUNT.path(namespace, account, "token")
    ask = lambda spec: home.server.call(  # noqa: E731
        "POST", path, {}, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", **spec}
    )
    login = RequestedToken(ask, audiences or (data["address"].strip(),), f"service account {namespace}/{account}")
    way = Way(address, data.get("ca.crt", ""))
    return Cluster(way.connect(f"of ConfigMap {namespace}/{name}", login))
