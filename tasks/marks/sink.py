"""Who listens to CDEvents hears how a release goes."""

from __future__ import annotations

import time

from blocks.connections import Connections
from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import SluiceError, TransientError, reason_of
from sluice.images.reference import ImageRef, parse_image
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.marked import Marked
from sluice.marks.cdevents.base import Happening
from sluice.marks.cdevents.table import Happened, events
from sluice.marks.due import Due, Mark

NAMELESS = "cluster"
"""What an environment is called that nobody has named."""
HAPPENED = {
    Mark.IN_PROGRESS: Happened.BEGUN,
    Mark.PROMOTED: Happened.PROMOTED,
    Mark.ROLLED_BACK: Happened.ROLLED_BACK,
    Mark.SUPERSEDED: Happened.SUPERSEDED,
}


async def sent(wired: Connections, canary: Canary, one: Due, known: Marked) -> Marked:
    """Tell it; the record of that.

    Raises:
        TransientError: the sink or the cluster is away or asks to wait. What is sent again has the same ids.
    """
    refused = ""
    try:
        image, version = await _serving(wired, canary), one.version or known.version
        happening = Happening(
            key=f"{canary.metadata.uid}/{one.revision}/{known.attempt}/{one.mark}",
            environment=known.environment or wired.marking.environment or NAMELESS,
            service=f"{canary.namespace}/{canary.name}",
            version=version,
            revision=one.revision,
            image=image,
            at=one.at or time.time(),
            reason=one.reason,
        )
        happened = Happened.FIRST if one.first else HAPPENED[one.mark]
        if wired.marking.sink is not None:
            await wired.marking.sink.send(events(happened, happening))
    except TransientError:
        raise
    except SluiceError as error:
        refused = reason_of(error)
    both = "; ".join(part for part in (known.refused, refused) if part)
    update = {"sent": str(one.mark), "refused": both, "version": one.version or known.version, "at": time.time()}
    return known.model_copy(update=update)


async def _serving(wired: Connections, canary: Canary) -> ImageRef:
    """The image that serves users: of the primary's first container; the target's before there is a primary.

    Raises:
        SluiceError: the cluster does not answer, or it is no image.
    """
    kind = WORKLOAD_KINDS[canary.spec.target_ref.kind]
    found = await wired.cluster.find(kind, canary.primary, canary.namespace)
    found = found or await wired.cluster.get(kind, canary.target, canary.namespace)
    containers = found["spec"]["template"]["spec"].get("containers") or [{}]
    return parse_image(containers[0].get("image", ""))
