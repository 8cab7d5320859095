"""The login for a registry in the Secrets of a namespace: the one that is named, then a service account's pull secrets."""

from __future__ import annotations

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET, SERVICE_ACCOUNT
from sluice.credentials import RegistryCredentials, registry_credentials
from sluice.images.reference import Repository
from sluice.manifests.references import LocalReference


async def login_by_secrets(
    cluster: Cluster, namespace: str, named: LocalReference | None, service_account: str, where: Repository
) -> RegistryCredentials | None:
    """The first login that one of them has for a repository; None where none has one.

    Args:
        cluster: where the Secrets are.
        namespace: of the Secrets.
        named: the Secret that goes first.
        service_account: whose `imagePullSecrets` come after it; empty for none.
        where: the repository.

    Raises:
        NotFoundError: a Secret or the service account is not there.
        InvalidError: a Secret is no docker config.
    """
    names = [named.name] if named else []
    if service_account:
        account = await cluster.get(SERVICE_ACCOUNT, service_account, namespace)
        names += [one["name"] for one in account.get("imagePullSecrets") or [] if one.get("name")]
    for name in names:
        secret = await cluster.get(SECRET, name, namespace)
        if (login := registry_credentials(secret, where.registry, where.path)) is not None:
            return login
    return None
