"""Choose: ask the image policies whether what was pushed is what they want."""

from __future__ import annotations

import asyncio
import contextlib

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kinds import IMAGE_POLICY, IMAGE_REPOSITORY, SECRET
from blocks.registry import Registries
from sluice.credentials import RegistryCredentials, registry_credentials
from sluice.errors import InvalidError
from sluice.images.policy import latest_tag
from sluice.images.reference import ImageRef, parse_repository, same_repository
from sluice.images.tags import visible
from sluice.manifests.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.image_repository import ImageRepository
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

    A policy that is wrong does not stop those that want the image.

    Raises:
        InvalidError: nobody wants the image and a policy for it is wrong; the message names the field.
    """
    wired = connections()
    repositories = await _repositories(wired, image)
    if not repositories:
        return Choice(reason=f"no ImageRepository names {image}")
    wanted: dict[str, ImageRef] = {}
    newer: dict[str, str] = {}
    reasons: list[str] = []
    faults: list[str] = []
    now = ""
    for policy in await _policies(wired):
        repository = repositories.get(policy.repository)
        if repository is None or policy.spec.suspend:
            continue
        name, insecure = parse_repository(repository.spec.image), repository.spec.insecure
        login = await _login(wired, repository)
        registry: Registries = wired.need("registry")
        tags, now = await asyncio.gather(
            registry.tags(name, login, insecure=insecure), registry.digest(name, tag, login, insecure=insecure)
        )
        try:
            latest = latest_tag(policy.spec, visible(tags, repository.spec.exclusion_list))
        except InvalidError as error:
            faults.append(f"{policy}: {error}")
            continue
        key = f"{policy.namespace}:{policy.name}"
        if latest == tag:
            by_digest = policy.spec.digest_reflection_policy is not DigestPolicy.NEVER
            reference = ImageRef(name=repository.spec.image, tag=tag, digest=(digest or now) if by_digest else "")
            wanted[key] = reference
        else:
            newer |= {key: latest} if latest else {}
            reasons.append(f"{policy} wants {latest or 'none of the tags'}")
    if faults and not wanted:
        raise InvalidError("; ".join(faults))
    reason = "; ".join(reasons + faults) or f"no ImagePolicy is for {image}"
    return Choice(wanted=wanted, newer=newer, digest=now, reason=reason)


async def _policies(wired: Connections) -> list[ImagePolicy]:
    """The ImagePolicy objects of all namespaces. One that is not valid is no reason to fail the others."""
    found = []
    for item in await wired.cluster.list(IMAGE_POLICY):
        with contextlib.suppress(InvalidError):
            found.append(ImagePolicy.parse(item))
    return found


async def _repositories(wired: Connections, image: str) -> dict[tuple[str, str], ImageRepository]:
    """The ImageRepository objects of this image. One that is not valid is no reason to fail the others."""
    found: dict[tuple[str, str], ImageRepository] = {}
    for item in await wired.cluster.list(IMAGE_REPOSITORY):
        try:
            one = ImageRepository.parse(item)
        except InvalidError:
            continue
        if same_repository(one.spec.image, image) and not one.spec.suspend:
            found[(one.namespace, one.name)] = one
    return found


async def _login(wired: Connections, repository: ImageRepository) -> RegistryCredentials | None:
    if repository.spec.secret_ref is None:
        return None
    secret = await wired.cluster.get(SECRET, repository.spec.secret_ref.name, repository.namespace)
    return registry_credentials(secret, parse_repository(repository.spec.image).registry)
