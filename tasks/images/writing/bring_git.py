"""Bring git: write what every policy of an automation chose last, whatever pushes and deliveries were lost."""

from __future__ import annotations

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_UPDATE_AUTOMATION
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.withdraw import at_rest
from tasks.images.writing.write import Written, write
from tasks.stage import stage


@stage("bring git", run_name="bring git: {namespace}/{name}")
async def bring_git(namespace: str, name: str) -> list[Written]:
    """What was written; nothing where the automation is gone, suspended or left to Flux.

    Raises:
        InvalidError: the automation is not valid; names the field.
        TransientError: git did not answer, or others pushed again and again.
    """
    wired = connections()
    found = await wired.cluster.find(IMAGE_UPDATE_AUTOMATION, name, namespace)
    if found is None or not wired.cluster.acts_on(IMAGE_UPDATE_AUTOMATION, found):
        return []
    automation = ImageUpdateAutomation.parse(found)
    return [] if at_rest(automation) else await write(automation)
