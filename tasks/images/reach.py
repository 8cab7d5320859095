"""How a repository's registry is reached: where it is, as whom, and through what."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.connections import Connections
from blocks.kubernetes.kinds import SECRET
from blocks.registries.base import USUAL, Listing, Registry, Way
from blocks.registries.pull_secrets import login_by_secrets
from sluice.credentials import RegistryCredentials
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
        spec = repository.spec
        login = await login_by_secrets(
            wired.cluster, repository.namespace, spec.secret_ref, spec.service_account_name, where
        )
    return Door(wired.registry(repository.spec.provider), where, login, repository.spec.insecure, way)


async def _way(wired: Connections, repository: ImageRepository) -> Way:
    spec, authority, certificate, key, through = repository.spec, "", "", None, None
    if spec.cert_secret_ref:
        found = certificates(await wired.cluster.get(SECRET, spec.cert_secret_ref.name, repository.namespace))
        authority, certificate, key = found.authority, found.certificate, found.key
    if spec.proxy_secret_ref:
        through = proxy(await wired.cluster.get(SECRET, spec.proxy_secret_ref.name, repository.namespace))
    return Way(authority, certificate, key, through) if authority or certificate or through else USUAL
