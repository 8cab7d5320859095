"""What the policies of one repository want, from what its registry says now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from blocks.connections import Connections
from blocks.kubernetes.kinds import NAMESPACE
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.images import record
from sluice.images.policy import latest_tag
from sluice.images.quarantine import KeptOut, keeping_out, kept_out
from sluice.images.reference import ImageRef
from sluice.images.tags import visible
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.references import SourceKey
from tasks.images.reach import Door

T = TypeVar("T")
MANY = 500
"""Tags from which on they are judged in a thread of their own: the loop has rollouts to look after."""


@dataclass(slots=True)
class Seen:
    """One repository as its registry says now.

    Attributes:
        tags: those that count.
        mark: the registry's name for this state of the list.
        size: tags in the list, with those that do not count.
        digests: what was asked for already; None for a tag that is not there.
    """

    repository: ImageRepository
    door: Door
    tags: tuple[str, ...]
    mark: str = ""
    size: int = 0
    digests: dict[str, str | None] = field(default_factory=dict)

    async def digest(self, tag: str) -> str | None:
        """What a tag names now; None where it is not there."""
        if tag not in self.digests:
            found: str | None = None
            with contextlib.suppress(NotFoundError):
                found = await self.door.digest(tag)
            self.digests[tag] = found
        return self.digests[tag]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy wants.

    Attributes:
        latest: the image, with what its tag names now where somebody had to ask; None for none of the tags.
        fault: why it cannot be said; `reason` is the condition's.
    """

    policy: ImagePolicy
    latest: ImageRef | None = None
    fault: str = ""
    reason: str = record.FAILED


async def look(door: Door, repository: ImageRepository, pushed: str = "", known: str = "") -> Seen | None:
    """What a registry has of a repository; None where its tags are those of the mark `known`.

    A tag that was pushed and answers is there, also where the list of tags does not have it yet.

    Raises:
        TransientError, TerminalError: the registry does not answer, or refuses.
    """
    listing = await door.listing(known)
    if listing is None:
        return None
    seen = Seen(repository, door, listing.tags, listing.mark, len(listing.tags))
    if pushed and await seen.digest(pushed) is not None:
        seen.tags = (*listing.tags, pushed)
    seen.tags = await _aside(len(seen.tags), visible, seen.tags, repository.spec.exclusions)
    return seen


async def verdict(wired: Connections, policy: ImagePolicy, seen: Seen, *, fresh: bool = True) -> Verdict:
    """What a policy wants of a repository.

    Args:
        policy: as it was read.
        seen: what the registry has.
        fresh: whether the digest of what is chosen already is asked for, where the policy follows it.

    Raises:
        TransientError: the registry does not answer.
    """
    try:
        wired.tenants.refuse_foreign(policy.namespace, SourceKey(seen.repository.kind, *policy.repository))
    except InvalidError as error:
        return Verdict(policy, fault=str(error), reason=record.ACCESS_DENIED)
    if not await _may_use(wired, policy, seen.repository):
        why = (
            f"{seen.repository} lets no policy of namespace {policy.namespace} choose from it: see its spec.accessFrom"
        )
        return Verdict(policy, fault=why, reason=record.ACCESS_DENIED)
    kept = kept_out(policy)
    nothing_before = {one.image.digest for one in kept if one.back_to is None} - {""}
    try:
        tag = await _chosen(policy, seen, nothing_before)
        instead = await _instead(kept, seen, tag) if tag and kept else None
    except InvalidError as error:
        return Verdict(policy, fault=str(error), reason=record.INVALID)
    except TerminalError as error:
        return Verdict(policy, fault=str(error))
    if tag is None:
        return Verdict(policy)
    if instead is not None:
        return Verdict(policy, instead)
    latest = ImageRef(name=seen.repository.spec.image, tag=tag)
    known = policy.status.latest_ref
    same = known is not None and (known.name, known.tag) == (latest.name, tag)
    follows = policy.spec.digest_reflection_policy is DigestPolicy.ALWAYS and (fresh or not (known and known.digest))
    if same and not follows:
        return Verdict(policy, latest)
    try:
        digest = await seen.digest(tag)
    except TerminalError as error:
        return Verdict(policy, fault=str(error), reason=record.UNREAD)
    if digest is None:
        return Verdict(policy, fault=f"{latest} is in the list of tags and nowhere else", reason=record.UNREAD)
    return Verdict(policy, latest.model_copy(update={"digest": digest}))


async def _instead(kept: Collection[KeptOut], seen: Seen, tag: str) -> ImageRef | None:
    """What a policy stays at because its latest tag was rolled back; None where nothing keeps it out."""
    name = seen.repository.spec.image
    image = ImageRef(name=name, tag=tag, digest=await seen.digest(tag) or "")
    found: ImageRef | None = None
    for _ in kept:  # what ran before may have been rolled back in its turn
        out = keeping_out(kept, image)
        if out is None or out.back_to is None:
            break
        found = image = out.back_to.model_copy(update={"name": name})
    return found


async def _chosen(policy: ImagePolicy, seen: Seen, excluded: Collection[str]) -> str | None:
    """The tag, without those that name an excluded digest."""
    out: set[str] = set()
    while True:
        tag = await _standing(policy, seen, out)
        if tag is None or not excluded or await seen.digest(tag) not in excluded:
            return tag
        out.add(tag)


async def _standing(policy: ImagePolicy, seen: Seen, out: Collection[str]) -> str | None:
    """The latest tag; the one that was chosen before stays where the list has lost it and the registry has not."""
    tags = [tag for tag in seen.tags if tag not in out] if out else seen.tags
    latest: str | None = await _aside(len(tags), latest_tag, policy.spec, tags)
    known = policy.status.latest_ref
    if known is None or known.tag in seen.tags or known.tag in out or known.name != seen.repository.spec.image:
        return latest
    counted = visible([known.tag], seen.repository.spec.exclusions)
    if not counted or await _aside(len(tags), latest_tag, policy.spec, [*tags, known.tag]) != known.tag:
        return latest
    return known.tag if await seen.digest(known.tag) is not None else latest


async def _may_use(wired: Connections, policy: ImagePolicy, repository: ImageRepository) -> bool:
    """Whether the repository lets the policy's namespace in."""
    if repository.lets_in(policy.namespace, {}):
        return True
    if not repository.spec.access_from:
        return False
    try:
        labels: Mapping[str, str] = (await wired.cluster.get(NAMESPACE, policy.namespace))["metadata"].get(
            "labels"
        ) or {}
    except TerminalError:
        return False  # without the right to look at namespaces, by their names alone
    return repository.lets_in(policy.namespace, dict(labels))


async def _aside(many: int, judge: Callable[..., T], *given: object) -> T:
    return await asyncio.to_thread(judge, *given) if many > MANY else judge(*given)
