"""The services of flags that sluice can ask, by `spec.service.type`. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx

from blocks.flags.access import Access
from blocks.flags.base import FlagService
from blocks.flags.features_file import FeaturesFile
from blocks.flags.flagd_file import FlagdFile
from blocks.flags.flipt import flipt
from blocks.flags.flipt_v2 import FliptV2
from blocks.flags.ofrep import Ofrep
from blocks.git.mirror import Remote
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from sluice.credentials import name_of, secret_text
from sluice.errors import InvalidError
from sluice.manifests.own.flag_service import FlagServiceReference


@dataclass(frozen=True, slots=True)
class Row:
    """One type of service.

    Attributes:
        make: makes it by a connection.
        in_git: whether its flags are a file in a git repository, and its Secret is one for git.
    """

    make: Callable[[Access], FlagService]
    in_git: bool = False


KEY = "token"
"""Of the Secret: what a service's token is under."""
SERVICES: Mapping[str, Row] = {
    "flipt": Row(flipt),
    "flipt-v2": Row(FliptV2),
    "features-file": Row(FeaturesFile, in_git=True),
    "flagd-file": Row(FlagdFile, in_git=True),
    "ofrep": Row(Ofrep),
}


RemoteOf = Callable[[FlagServiceReference, str], Awaitable[Remote]]
"""Finds the repository of a reference that an object of a namespace has, with its login."""


@dataclass(frozen=True, slots=True)
class FlagServices:
    """The flag services that objects of the cluster name.

    Attributes:
        http: the client that all of them share; its owner closes it.
        cluster: where Secrets are.
        git: for files in git.
        remote: how a repository is found.
        table: `SERVICES`, and what else there is.
    """

    http: httpx.AsyncClient
    cluster: Cluster
    git: Git
    remote: RemoteOf
    table: Mapping[str, Row] = field(default_factory=lambda: SERVICES)

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> FlagService:
        """The service that an object of a namespace names, by the Secret of that namespace that it names.

        Raises:
            InvalidError: there is no such type of service, or a key of the Secret is missing.
            NotFoundError: the Secret is not there.
        """
        row = row_of(reference.type, self.table)
        if row.in_git:
            remote = await self.remote(reference, namespace)
            return row.make(Access(reference, self.http, git=self.git, remote=remote))
        if reference.secret_ref is None:
            return row.make(Access(reference, self.http))
        secret = await self.cluster.get(SECRET, reference.secret_ref.name, namespace)
        token = secret_text(secret, KEY)
        if not token.get_secret_value():
            raise InvalidError(f"{name_of(secret)} has no key {KEY}: put the token of the flag service there")
        return row.make(Access(reference, self.http, token=token, from_where=name_of(secret)))


def row_of(kind: str, table: Mapping[str, Row] = SERVICES) -> Row:
    """The row of a type.

    Raises:
        InvalidError: there is no such type.
    """
    if kind not in table:
        raise InvalidError(f"spec.service.type {kind!r}: is one of {', '.join(sorted(table))}")
    return table[kind]
