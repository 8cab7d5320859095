"""What the image policies want in git, as their status says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from blocks.connections import Connections
from blocks.kubernetes.kinds import IMAGE_POLICY
from sluice.images.quarantine import ANNOTATION, RELEASE, read
from sluice.images.reference import ImageRef
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.delivery import Wish, Wishes


async def policies_of(wired: Connections, automation: ImageUpdateAutomation) -> list[ImagePolicy]:
    """The policies that an automation serves: those of its namespace that its selector selects."""
    selector = automation.spec.policy_selector
    return [
        policy
        for policy in ImagePolicy.valid(await wired.cluster.list(IMAGE_POLICY, automation.namespace))
        if selector is None or selector.matches(policy.metadata.labels)
    ]


async def wishes_of(
    wired: Connections, automation: ImageUpdateAutomation, chosen: dict[str, ImageRef] | None = None
) -> Wishes:
    """What an automation has to write.

    Args:
        wired: to the cluster.
        automation: which.
        chosen: `namespace:policy` → image, for a delivery of these alone; None for what every policy chose last.
    """
    policies = await policies_of(wired, automation)
    found = wishes(policies)
    if chosen is None:
        return found
    if automation.spec.policy_selector is None:
        # A policy that went after it chose had its say.
        found = {**{key: Wish(None) for key in chosen}, **found}
    return {key: replace(wish, image=chosen[key]) for key, wish in found.items() if key in chosen}


def wishes(policies: Iterable[ImagePolicy]) -> Wishes:
    """By `namespace:policy`; a policy that has not chosen yet has no image."""
    found = {}
    for policy in policies:
        latest, notes = policy.status.latest_ref, policy.metadata.annotations
        image = ImageRef(name=latest.name, tag=latest.tag, digest=latest.digest) if latest else None
        kept_out = tuple(read(notes.get(ANNOTATION, "")))
        found[f"{policy.namespace}:{policy.name}"] = Wish(
            image, kept_out, notes.get(RELEASE, ""), policy.metadata.resource_version
        )
    return found
