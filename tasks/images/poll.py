"""Poll: look at one repository, for pushes that no notification came for, with as few requests as its registry allows.

An unchanged repository costs one request: the list of tags, which is not sent where the registry has a mark for it. The
digest of a tag that is chosen already is asked for at its policy's own interval.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY
from sluice.errors import SluiceError, TransientError
from sluice.events.model import ImagePushed
from sluice.images import record
from sluice.images.quarantine import keeping_out, kept_out
from sluice.images.reference import ImageRef, parse_repository
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.images.missed import is_news, missed
from tasks.images.reach import Door, door_of
from tasks.images.statuses import epoch, moment, write
from tasks.images.verdicts import Seen, Verdict, look, verdict

DIGESTS = 600.0
"""Seconds between two looks at a digest that a policy follows, where it does not say: Flux's default."""
SMALL = 300
"""Tags of a list that is a small answer: some ten kilobytes."""
Shape = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last look at a repository has left for the next one.

    Attributes:
        mark: the registry's name for the list of tags.
        checksum: of the tags that counted.
        shape: of the manifests and of what was chosen.
        digests: when the digest that a policy follows was asked for, by the policy's uid; seconds.
        cheap: whether a look that finds nothing new is one question with a small answer.
    """

    mark: str = ""
    checksum: str = ""
    shape: Shape = ()
    digests: Mapping[str, float] = field(default_factory=dict)
    cheap: bool = False


NOTHING = Remembered()


@dataclass(frozen=True, slots=True)
class Polled:
    """What a look came to: pushes that were missed, and what to remember."""

    events: tuple[ImagePushed, ...]
    remember: Remembered


async def poll(repository: ImageRepository, policies: Sequence[ImagePolicy], before: Remembered, now: float) -> Polled:
    """Look at a repository for its policies.

    What is found is written into the status of repository and policies; what a policy wants and has not chosen yet is not,
    because the delivery of it writes that.

    Args:
        repository: as it was read.
        policies: that choose from it and are not suspended.
        before: what the last look has left.
        now: seconds by the clock that `before` was made with.

    Raises:
        TransientError: the registry does not answer.
        TerminalError: it refuses us, or the manifest is wrong.
    """
    reason = record.BAD_IMAGE
    try:
        async with asyncio.timeout(repository.spec.seconds):
            parse_repository(repository.spec.image)
            reason = record.REFUSED
            door = await door_of(connections(), repository)
            reason = record.UNREAD
            return await _look(door, repository, policies, before, now)
    except TimeoutError:
        error: SluiceError = TransientError(f"{repository}: the registry took longer than spec.timeout")
    except SluiceError as refused:
        error = refused
    await write(IMAGE_REPOSITORY, repository, record.wrong(repository, str(error), moment(), reason))
    raise error


async def _look(
    door: Door, repository: ImageRepository, policies: Sequence[ImagePolicy], before: Remembered, now: float
) -> Polled:
    shape = _shape(repository, policies)
    # What a tag that was rolled back names by now is asked each time.
    same = (
        before.shape == shape
        and not repository.requested
        and not any(one.requested or kept_out(one) for one in policies)
    )
    seen = await look(door, repository, known=before.mark if same else "")
    if seen is None:
        await write(IMAGE_REPOSITORY, repository, record.looked_at(repository, moment()))
        return await _moved(Seen(repository, door, ()), policies, before, now)
    await write(IMAGE_REPOSITORY, repository, record.scanned(repository, seen.tags, moment()))
    cheap = bool(seen.mark) or seen.size <= SMALL
    remember = Remembered(seen.mark, record.checksum(seen.tags), shape, before.digests if same else {}, cheap)
    if same and remember.checksum == before.checksum:
        return await _moved(seen, policies, remember, now)
    events, sure = dict[str, ImagePushed](), True
    for policy in policies:
        said = await verdict(connections(), policy, seen)
        event = await _noted(said)
        events |= {event.tag: event} if event else {}
        sure = sure and event is None and not said.fault
    digests = {one.metadata.uid: now for one in policies if one.metadata.uid}
    # What was found is looked for again until it has been delivered.
    return Polled(tuple(events.values()), replace(remember, digests=digests, shape=shape if sure else ()))


async def _noted(said: Verdict) -> ImagePushed | None:
    """A verdict, written where it is not news; the event where it is."""
    policy = said.policy
    if said.fault:
        await write(IMAGE_POLICY, policy, record.wrong(policy, said.fault, moment(), said.reason))
    elif said.latest is not None and is_news(policy, said.latest):
        await write(IMAGE_POLICY, policy, record.answered(policy))
        return missed(policy, said.latest, epoch())
    else:
        await write(IMAGE_POLICY, policy, record.chosen(policy, said.latest, moment()))
    return None


async def _moved(seen: Seen, policies: Sequence[ImagePolicy], before: Remembered, now: float) -> Polled:
    """The tags are those of the last look: only what a chosen one names may have changed."""
    digests, events = dict(before.digests), dict[str, ImagePushed]()
    for policy in policies:
        known, spec = policy.status.latest_ref, policy.spec
        if known is None or spec.digest_reflection_policy is not DigestPolicy.ALWAYS:
            continue
        if now - digests.get(policy.metadata.uid, -math.inf) < (spec.interval or DIGESTS):
            continue
        digest = await seen.digest(known.tag)
        digests[policy.metadata.uid] = now
        if digest is None:
            # The list still has a tag that is gone: the next look is a whole one.
            return Polled(tuple(events.values()), NOTHING)
        latest = ImageRef(name=known.name, tag=known.tag, digest=digest)
        if is_news(policy, latest) and keeping_out(kept_out(policy), latest) is None:
            events[latest.tag] = missed(policy, latest, epoch())
            del digests[policy.metadata.uid]
    return Polled(tuple(events.values()), replace(before, digests=digests))


def _shape(repository: ImageRepository, policies: Sequence[ImagePolicy]) -> Shape:
    """What a look rests on besides the registry."""
    chosen = (
        (one.metadata.uid, one.metadata.generation, str(one.status.latest_ref), str(kept_out(one))) for one in policies
    )
    return (repository.metadata.uid, repository.metadata.generation, *sorted(chosen))
