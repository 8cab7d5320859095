"""Choose: ask the image policies whether what was pushed is what they want."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY, SECRET
from blocks.registries.base import Registry
from sluice.credentials import RegistryCredentials, registry_credentials
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.images import record
from sluice.images.policy import latest_tag
from sluice.images.reference import ImageRef, parse_repository, same_repository
from sluice.images.tags import visible
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.outcome import Body
from sluice.manifests.meta import Manifest
from tasks.stage import stage


class Choice(BaseModel):
    """What the policies of all namespaces say of one pushed image.

    Attributes:
        wanted: `namespace:policy` → the image that it wants now, for the policies that want the pushed one.
        newer: `namespace:policy` → the tag that it wants instead, for the other policies of this image.
        digest: what the registry says the tag names now; empty where no policy wants it.
        reason: why no policy wants it.
    """

    model_config = ConfigDict(frozen=True)
    wanted: dict[str, ImageRef] = {}
    newer: dict[str, str] = {}
    digest: str = ""
    reason: str = ""


@stage("choose image", run_name="choose {image}:{tag}")
async def choose_image(image: str, tag: str, digest: str = "") -> Choice:
    """The policies for which the pushed tag is the latest among all tags in the registry.

    Without a digest, the image is the one that the tag names now.

    What each policy and repository says is written into its status. One that is wrong, or whose registry refuses us, does
    not stop the others.

    Raises:
        InvalidError: nobody wants the image and a policy or a repository of it is wrong; the message names the field.
        TransientError: a registry does not answer.
    """
    wired = connections()
    repositories = await _repositories(wired, image)
    if not repositories:
        return Choice(reason=f"no ImageRepository names {image}")
    answers = dict(
        zip(repositories, await asyncio.gather(*(_ask(one, tag) for one in repositories.values())), strict=True)
    )
    wanted: dict[str, ImageRef] = {}
    newer: dict[str, str] = {}
    reasons: list[str] = []
    faults = [answer.fault for answer in answers.values() if answer.fault]
    for policy in await _policies(wired, repositories):
        answer = answers[policy.repository]
        if answer.fault:
            continue
        key, now = f"{policy.namespace}:{policy.name}", datetime.fromtimestamp(time.time(), UTC)
        try:
            latest = latest_tag(policy.spec, answer.tags)
        except InvalidError as error:
            faults.append(f"{policy}: {error}")
            await _write_status(IMAGE_POLICY, policy, record.wrong(policy, str(error), now))
            continue
        name = repositories[policy.repository].spec.image
        by_digest = record.pinned(policy, digest or answer.digest, tag) if latest == tag else ""
        reference = ImageRef(name=name, tag=latest, digest=by_digest) if latest else None
        await _write_status(IMAGE_POLICY, policy, record.chosen(policy, reference, now))
        if latest == tag and reference:
            wanted[key] = reference
        else:
            newer |= {key: latest} if latest else {}
            reasons.append(f"{policy} wants {latest or 'none of the tags'}")
    if faults and not wanted:
        raise InvalidError("; ".join(faults))
    reason = "; ".join(reasons + faults) or f"no ImagePolicy is for {image}"
    named = next((answers[key].digest for key in answers if answers[key].digest), "")
    return Choice(wanted=wanted, newer=newer, digest=named, reason=reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a registry says of a repository; `fault` where it refuses to say anything."""

    tags: tuple[str, ...] = ()
    digest: str = ""
    fault: str = ""


async def _ask(repository: ImageRepository, tag: str) -> Answer:
    """The tags that count, and what the pushed one names now. A refusal is written on the ImageRepository."""
    wired = connections()
    registry: Registry = wired.registry(repository.spec.provider)
    now = datetime.fromtimestamp(time.time(), UTC)
    try:
        async with asyncio.timeout(repository.spec.timeout):
            name, insecure = parse_repository(repository.spec.image), repository.spec.insecure
            login = await _login(wired, repository)
            tags, digest = await asyncio.gather(
                registry.tags(name, login, insecure=insecure), registry.digest(name, tag, login, insecure=insecure)
            )
        counted = visible(tags, repository.spec.exclusion_list)
    except TimeoutError as error:
        raise TransientError(f"{repository}: the registry took longer than spec.timeout") from error
    except TerminalError as error:
        await _write_status(IMAGE_REPOSITORY, repository, record.wrong(repository, str(error), now))
        return Answer(fault=f"{repository}: {error}")
    await _write_status(IMAGE_REPOSITORY, repository, record.scanned(repository, counted, now))
    return Answer(counted, digest)


async def _write_status(kind: Kind, about: Manifest, body: Body | None) -> None:
    if body:
        # It was deleted meanwhile: nobody is left to read the reason.
        with contextlib.suppress(NotFoundError):
            await connections().cluster.patch(kind, about.name, about.namespace, body, subresource="status")


async def _policies(wired: Connections, repositories: Container[tuple[str, str]]) -> list[ImagePolicy]:
    """The ImagePolicy objects of these repositories."""
    all_of_them = ImagePolicy.valid(await wired.cluster.list(IMAGE_POLICY))
    return [one for one in all_of_them if one.repository in repositories and not one.spec.suspend]


async def _repositories(wired: Connections, image: str) -> dict[tuple[str, str], ImageRepository]:
    """The ImageRepository objects of this image."""
    return {
        (one.namespace, one.name): one
        for one in ImageRepository.valid(await wired.cluster.list(IMAGE_REPOSITORY))
        if same_repository(one.spec.image, image) and not one.spec.suspend
    }


async def _login(wired: Connections, repository: ImageRepository) -> RegistryCredentials | None:
    if repository.spec.secret_ref is None:
        return None
    secret = await wired.cluster.get(SECRET, repository.spec.secret_ref.name, repository.namespace)
    return registry_credentials(secret, parse_repository(repository.spec.image).registry)
