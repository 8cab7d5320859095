"""What every stage of an audit stands on: the FlagAudit, its repositories with their logins and forges, and its calls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from blocks.connections import Connections
from blocks.forges.base import Forge
from blocks.git.mirrors import Author, Remote
from blocks.kubernetes.kinds import FLAG_AUDIT, SECRET
from blocks.sources.git import git_repository, remote_of
from sluice.addresses import shown
from sluice.credentials import texts
from sluice.errors import InvalidError, NotFoundError
from sluice.flags.calls import Argument, FlagCall
from sluice.flags.languages.table import LANGUAGES
from sluice.flags.sdks import SDKS
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.own.flag_audit import AuditedRepository, FlagAudit, OwnCall

AUTHOR = Author("sluice", "sluice@localhost")


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository of an audit, and the way into it.

    Attributes:
        name: as reports call it: `namespace/name` of a GitRepository, or the address.
        url: of it, without a login.
        branch: that is looked through, and that removals are for.
    """

    name: str
    url: str
    branch: str
    remote: Remote
    asked: AuditedRepository


async def flag_audit(wired: Connections, name: str, namespace: str) -> FlagAudit:
    """The FlagAudit, as it is now.

    Raises:
        NotFoundError: there is none of that name.
        InvalidError: it is not valid; names the field.
    """
    return FlagAudit.parse(await wired.cluster.get(FLAG_AUDIT, name, namespace))


def named(audit: FlagAudit) -> tuple[str, ...]:
    """The name of each repository, in the order of the manifest."""
    return tuple(_name(audit, one) for one in audit.spec.repositories)


async def repository(wired: Connections, audit: FlagAudit, name: str) -> Repository:
    """One of the audit's repositories.

    Raises:
        NotFoundError: the audit has none of that name any more, or its GitRepository or Secret is not there.
        InvalidError: it follows no branch, or its Secret has no login.
    """
    asked = next((one for one in audit.spec.repositories if _name(audit, one) == name), None)
    if asked is None:
        raise NotFoundError(f"{audit} no longer names {name}")
    key = asked.key(audit.namespace)
    if key:
        wired.tenants.refuse_foreign(audit.namespace, key)
        source = await git_repository(wired.cluster, key)
        branch = asked.branch or source.spec.ref.followed
        if not branch:
            raise InvalidError(f"{name} follows a tag or a commit: name a branch in spec.repositories")
    else:
        branch = asked.branch or "main"
        source = _source(audit, asked, branch)
    return Repository(name, source.address, branch, await remote_of(wired.cluster, source), asked)


async def forge_of(wired: Connections, audit: FlagAudit, where: Repository) -> Forge:
    """The forge that pull requests are opened at.

    Raises:
        InvalidError: there is no way into it; the message says what to set.
        NotFoundError: its Secret is not there.
    """
    found: Forge | None = None
    secret = where.asked.forge_secret_ref
    if secret and wired.forge is not None:
        there = await wired.cluster.get(SECRET, secret.name, audit.namespace)
        found = wired.forge.with_login(where.url, texts(there), f"Secret {audit.namespace}/{secret.name}")
    elif wired.forge is not None:
        found = wired.forge(where.url)
    if found is None:
        raise InvalidError(
            f"{where.name}: no way into the forge of {shown(where.url)}: name a Secret with its token in `forgeSecretRef`, "
            "or set SLUICE_GITHUB_TOKEN or SLUICE_GITLAB_API_TOKEN"
        )
    return found


def calls_of(audit: FlagAudit) -> tuple[FlagCall, ...]:
    """By what code asks for flags: the SDKs that sluice knows, and the users' own functions."""
    known = tuple(call for calls in SDKS.values() for call in calls)
    return (*known, *(_call(one) for one in audit.spec.calls))


def now() -> datetime:
    """The moment, with a time zone."""
    return datetime.fromtimestamp(time.time(), UTC)


def _call(own: OwnCall) -> FlagCall:
    default = own.default is not None or own.default_name
    return FlagCall(
        own.name,
        frozenset(own.languages or LANGUAGES),
        kind=own.kind,
        key=Argument(own.key, own.key_name or None),
        default=Argument(own.default, own.default_name or None) if default else None,
        result=own.result,
        asynchronous=own.asynchronous,
        negated=own.negated,
    )


def _name(audit: FlagAudit, one: AuditedRepository) -> str:
    key = one.key(audit.namespace)
    return f"{key.namespace}/{key.name}" if key else shown(one.url)


def _source(audit: FlagAudit, asked: AuditedRepository, branch: str) -> GitRepository:
    """A repository that the audit names by its address, as if a GitRepository did."""
    secret = {"secretRef": {"name": asked.secret_ref.name}} if asked.secret_ref else {}
    return GitRepository.parse(
        {
            "metadata": {"name": audit.name, "namespace": audit.namespace},
            "spec": {"url": asked.url, "ref": {"branch": branch}, "interval": "1h", **secret},
        }
    )
