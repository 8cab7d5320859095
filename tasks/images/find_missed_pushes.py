"""Find images that were pushed and that no notification came for: ask the registries, at each ImageRepository's interval."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_POLICY, IMAGE_REPOSITORY, SECRET
from sluice.credentials import registry_credentials
from sluice.errors import SluiceError
from sluice.events.model import ImagePushed
from sluice.images.policy import latest_tag
from sluice.images.reference import parse_repository
from sluice.images.tags import visible
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from tasks.stage import stage
from tasks.upkeep.pace import Pace

AT_ONCE = 8
"""Registries that are asked at the same time."""
TIMEOUT = 60.0
"""Seconds for one repository, where its manifest does not say."""
pace = Pace()
log = logging.getLogger("sluice.reconcile")


@stage("find missed pushes")
async def find_missed_pushes() -> list[ImagePushed]:
    """An event for each latest image, by its policies, that is not what the policy chose last.

    A registry that does not answer is asked again next time and does not stop the others.
    """
    policies: dict[tuple[str, str], list[ImagePolicy]] = defaultdict(list)
    for policy in ImagePolicy.valid(await connections().cluster.list(IMAGE_POLICY)):
        if not policy.spec.suspend:
            policies[policy.repository].append(policy)
    turn = asyncio.Semaphore(AT_ONCE)
    looks = []
    for one in ImageRepository.valid(await connections().cluster.list(IMAGE_REPOSITORY) if policies else []):
        wanted = policies.get((one.namespace, one.name))
        if wanted and not one.spec.suspend and pace.due(one.metadata.uid, one.spec.interval):
            looks.append(_look(one, wanted, turn))
    return [event for events in await asyncio.gather(*looks) for event in events]


async def _look(one: ImageRepository, policies: list[ImagePolicy], turn: asyncio.Semaphore) -> list[ImagePushed]:
    try:
        async with turn, asyncio.timeout(one.spec.timeout or TIMEOUT):
            return await _missed(one, policies)
    except (SluiceError, TimeoutError) as error:
        pace.forget(one.metadata.uid)
        log.warning("%s was not looked at: %s", one, error or "no answer in time")
        return []


async def _missed(one: ImageRepository, policies: list[ImagePolicy]) -> list[ImagePushed]:
    wired = connections()
    login, where = None, parse_repository(one.spec.image)
    if one.spec.secret_ref:
        login = registry_credentials(
            await wired.cluster.get(SECRET, one.spec.secret_ref.name, one.namespace), where.registry
        )
    registry = wired.registry(one.spec.provider)
    tags = visible(await registry.tags(where, login, insecure=one.spec.insecure), one.spec.exclusion_list)
    events: dict[str, ImagePushed] = {}
    for policy in policies:
        latest, known = latest_tag(policy.spec, tags), policy.status.latest_ref
        if not latest:
            continue
        same = known is not None and known.tag == latest
        if same and policy.spec.digest_reflection_policy is not DigestPolicy.ALWAYS:
            continue
        digest = await registry.digest(where, latest, login, insecure=one.spec.insecure)
        if same and known is not None and known.digest == digest:
            continue
        # What the policy chose before is part of the name: the same image may be missed again after another one.
        before = f"{known.tag}@{known.digest}" if known else ""
        delivery = f"{policy.metadata.uid}/{policy.metadata.generation}/{before}/{latest}@{digest}"
        events[latest] = ImagePushed(delivery=delivery, image=one.spec.image, tag=latest, digest=digest)
    return list(events.values())
