"""How a repository's registry is reached: where it is, as whom, and through what."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.connections import Connections
from blocks.kubernetes.kinds import SECRET, SERVICE_ACCOUNT
from blocks.registries.base import USUAL, Listing, Registry, Way
from sluice.credentials import RegistryCredentials, registry_credentials
from sluice.errors import InvalidError
from sluice.images.connection import certificates, proxy
from sluice.images.reference import Repository, parse_repository
from sluice.manifests.flux.image_repository import GENERIC, ImageRepository


@dataclass(frozen=True, slots=True)
class Door:
    """The way into one repository of a registry.

    Attributes:
        where: the repository.
        login: what is shown where the registry asks; None for nothing.
        insecure: whether http is spoken.
        way: how connections are made.
    """

    registry: Registry
    where: Repository
    login: RegistryCredentials | None
    insecure: bool
    way: Way

    async def listing(self, known: str = "") -> Listing | None:
        """All tags; None where they are still those of the listing with the mark `known`."""
        return await self.registry.listing(self.where, self.login, insecure=self.insecure, way=self.way, known=known)

    async def digest(self, tag: str) -> str:
        """The digest that a tag names now.

        Raises:
            NotFoundError: there is no such tag.
        """
        return await self.registry.digest(self.where, tag, self.login, insecure=self.insecure, way=self.way)


async def door_of(wired: Connections, repository: ImageRepository) -> Door:
    """The way that an ImageRepository describes.

    Raises:
        NotFoundError: a Secret or the service account is not there.
        InvalidError: one of them does not have the form it must have, or the image's name is none.
        TransientError, TerminalError: who gives logins does not answer, or refuses.
    """
    where, way = parse_repository(repository.spec.image), await _way(wired, repository)
    if repository.spec.service_account_name and repository.spec.provider != GENERIC:
        raise InvalidError(
            f"spec.serviceAccountName with spec.provider {repository.spec.provider}: sluice logs in as itself; leave the "
            "service account out, or name its pull secrets with provider generic"
        )
    login = await wired.registry.login(repository.spec.provider, where, way)
    if login is None:
        login = await _by_secrets(wired, repository, where)
    return Door(wired.registry(repository.spec.provider), where, login, repository.spec.insecure, way)


async def _by_secrets(wired: Connections, repository: ImageRepository, where: Repository) -> RegistryCredentials | None:
    """The login of `secretRef`, or else of the first of the service account's pull secrets that has one."""
    names = [repository.spec.secret_ref.name] if repository.spec.secret_ref else []
    if repository.spec.service_account_name:
        account = await wired.cluster.get(SERVICE_ACCOUNT, repository.spec.service_account_name, repository.namespace)
        names += [one["name"] for one in account.get("imagePullSecrets") or [] if one.get("name")]
    for name in names:
        secret = await wired.cluster.get(SECRET, name, repository.namespace)
        if (login := registry_credentials(secret, where.registry, where.path)) is not None:
            return login
    return None


async def _way(wired: Connections, repository: ImageRepository) -> Way:
    spec, authority, certificate, key, through = repository.spec, "", "", None, None
    if spec.cert_secret_ref:
        found = certificates(await wired.cluster.get(SECRET, spec.cert_secret_ref.name, repository.namespace))
        authority, certificate, key = found.authority, found.certificate, found.key
    if spec.proxy_secret_ref:
        through = proxy(await wired.cluster.get(SECRET, spec.proxy_secret_ref.name, repository.namespace))
    return Way(authority, certificate, key, through) if authority or certificate or through else USUAL
