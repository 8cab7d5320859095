"""Choose: ask the image policies whether what was pushed is what they want."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.events.model import ImagePushed
from sluice.images import record
from sluice.images.reference import ImageRef, same_repository
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.images.missed import is_news, missed
from tasks.images.reach import door_of
from tasks.images.statuses import epoch, moment, write
from tasks.images.verdicts import Seen, Verdict, look, verdict
from tasks.stage import stage


class Choice(BaseModel):
    """What the policies of all namespaces say of one pushed image.

    Attributes:
        wanted: `namespace:policy` → the image that it wants now, for the policies that want the pushed one.
        newer: `namespace:policy` → the tag that it wants instead, for the other policies of this image.
        missed: pushes of those that nothing has come of yet: their notification was lost, or is on its way.
        digest: what the registry says the tag names now; empty where no policy wants it.
        reason: why no policy wants it.
    """

    model_config = ConfigDict(frozen=True)
    wanted: dict[str, ImageRef] = {}
    newer: dict[str, str] = {}
    missed: tuple[ImagePushed, ...] = ()
    digest: str = ""
    reason: str = ""


@stage("choose image", run_name="choose {image}:{tag}")
async def choose_image(image: str, tag: str, digest: str = "") -> Choice:
    """The policies for which the pushed tag is the latest among all tags in the registry.

    Without a digest, the image is the one that the tag names now.

    What each policy and repository says is written into its status. One that is wrong, or whose registry refuses us, does
    not stop the others. What another policy wants and has not chosen yet is not written there, which would hide that it was
    missed.

    Raises:
        InvalidError: nobody wants the image and a policy or a repository of it is wrong; the message names the field.
        TransientError: a registry does not answer.
    """
    wired = connections()
    repositories = await _repositories(wired, image)
    if not repositories:
        return Choice(reason=f"no ImageRepository names {image}")
    looks = await asyncio.gather(*(_look(wired, one, tag) for one in repositories.values()))
    answers = dict(zip(repositories, looks, strict=True))
    tally = _Tally(tag, digest, [one for one in answers.values() if isinstance(one, str)])
    for policy in await _policies(wired, repositories):
        if isinstance(seen := answers[policy.repository], Seen):
            await tally.add(await verdict(wired, policy, seen, fresh=False), await seen.digest(tag) or "")
    if tally.faults and not tally.wanted:
        raise InvalidError("; ".join(tally.faults))
    reason = "; ".join(tally.reasons + tally.faults) or f"no ImagePolicy is for {image}"
    named = [await one.digest(tag) for one in answers.values() if isinstance(one, Seen)]
    return Choice(
        wanted=tally.wanted,
        newer=tally.newer,
        missed=tuple(tally.missed.values()),
        digest=next((one for one in named if one), ""),
        reason=reason,
    )


@dataclass(slots=True)
class _Tally:
    """What the policies say, one after the other."""

    tag: str
    digest: str
    faults: list[str]
    wanted: dict[str, ImageRef] = field(default_factory=dict)
    newer: dict[str, str] = field(default_factory=dict)
    missed: dict[str, ImagePushed] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    async def add(self, said: Verdict, now: str) -> None:
        """Count a policy's verdict, and write what there is to write about it.

        Args:
            said: by the policy.
            now: what the pushed tag names.
        """
        policy, latest = said.policy, said.latest
        if said.fault:
            self.faults.append(f"{policy}: {said.fault}")
            await write(IMAGE_POLICY, policy, record.wrong(policy, said.fault, moment(), said.reason))
            return
        if latest is not None and latest.tag == self.tag:
            by_digest = record.pinned(policy, self.digest or now, self.tag)
            latest = latest.model_copy(update={"digest": by_digest})
            self.wanted[f"{policy.namespace}:{policy.name}"] = latest
            if self.digest and self.digest != now:
                return  # it is another image by now, whose push is another delivery
            await write(IMAGE_POLICY, policy, record.chosen(policy, latest, moment()))
            return
        self.reasons.append(f"{policy} wants {latest.tag if latest else 'none of the tags'}")
        if latest is not None:
            self.newer[f"{policy.namespace}:{policy.name}"] = latest.tag
        if latest is not None and is_news(policy, latest):
            self.missed[latest.tag] = missed(policy, latest, epoch())
            return
        await write(IMAGE_POLICY, policy, record.chosen(policy, latest, moment()))


async def _look(wired: Connections, repository: ImageRepository, tag: str) -> Seen | str:
    """What its registry says of a repository, or why it refuses to say anything. Both are written on the ImageRepository."""
    try:
        async with asyncio.timeout(repository.spec.seconds):
            seen = await look(await door_of(wired, repository), repository, tag)
            assert seen is not None  # noqa: S101 - nothing was known before
            await seen.digest(tag)
    except TimeoutError as error:
        raise TransientError(f"{repository}: the registry took longer than spec.timeout") from error
    except TerminalError as error:
        await write(IMAGE_REPOSITORY, repository, record.wrong(repository, str(error), moment(), record.UNREAD))
        return f"{repository}: {error}"
    await write(IMAGE_REPOSITORY, repository, record.scanned(repository, seen.tags, moment()))
    return seen


async def _policies(wired: Connections, repositories: Container[tuple[str, str]]) -> list[ImagePolicy]:
    """The ImagePolicy objects of these repositories."""
    all_of_them = ImagePolicy.valid(await wired.cluster.list(IMAGE_POLICY))
    return [one for one in all_of_them if one.repository in repositories and not one.spec.suspend]


async def _repositories(wired: Connections, image: str) -> Mapping[tuple[str, str], ImageRepository]:
    """The ImageRepository objects of this image."""
    return {
        (one.namespace, one.name): one
        for one in ImageRepository.valid(await wired.cluster.list(IMAGE_REPOSITORY))
        if same_repository(one.spec.image, image) and not one.spec.suspend
    }
