"""What a source needs of the cluster to get into its server: the Secrets of its own namespace."""

from __future__ import annotations

import ssl

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.tls import context_of
from sluice.credentials import GitCredentials, Proxy, certificates, proxy
from sluice.manifests.references import LocalReference


async def proxy_of(cluster: Cluster, namespace: str, ref: LocalReference | None) -> Proxy | None:
    """The proxy that a `proxySecretRef` names.

    Raises:
        NotFoundError: the Secret is not there.
        InvalidError: it names no proxy.
    """
    return proxy(await cluster.get(SECRET, ref.name, namespace)) if ref else None


async def certificates_of(cluster: Cluster, namespace: str, ref: LocalReference | None) -> GitCredentials | None:
    """The certificates that a `certSecretRef` names.

    Raises:
        NotFoundError: the Secret is not there.
        InvalidError: it has no certificates.
    """
    return certificates(await cluster.get(SECRET, ref.name, namespace)) if ref else None


def verification(field: str, certificates: GitCredentials | None) -> ssl.SSLContext | bool:
    """How a server is trusted.

    Raises:
        InvalidError: the certificates, which this field names, are none.
    """
    if certificates is None:
        return True
    key = certificates.client_key.get_secret_value()
    return context_of(field, certificates.authority, certificates.certificate, key)
