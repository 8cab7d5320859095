"""Write back: put the images that a push is about into git, where the desired state is."""

from __future__ import annotations

import contextlib

from blocks.connections import connections
from blocks.kubernetes.kinds import IMAGE_UPDATE_AUTOMATION
from sluice.errors import InvalidError
from sluice.images.reference import ImageRef
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.wishes import wishes_of
from tasks.images.writing.withdraw import at_rest
from tasks.images.writing.write import Written, write
from tasks.stage import stage

__all__ = ["Written", "write_back"]


@stage("write back")
async def write_back(wanted: dict[str, ImageRef]) -> list[Written]:
    """Commit the images at their marks, once for each ImageUpdateAutomation of the policies' namespaces.

    An automation that cannot write says why in its Ready condition and does not stop the others.

    Args:
        wanted: `namespace:policy` → image.

    Raises:
        ConflictError: others pushed again and again; nothing was lost, nothing was written.
        TransientError: the git server does not answer.
    """
    wired = connections()
    namespaces = {key.partition(":")[0] for key in wanted}
    written = []
    for namespace in sorted(namespaces):
        images = {key: image for key, image in wanted.items() if key.startswith(f"{namespace}:")}
        found = await wired.cluster.list(IMAGE_UPDATE_AUTOMATION, namespace)
        for automation in ImageUpdateAutomation.valid(found):
            with contextlib.suppress(InvalidError):
                if not at_rest(automation) and await wishes_of(wired, automation, images):
                    written += await write(automation, images)
    return written
