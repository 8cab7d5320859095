"""Record an act of sluice's own in the audit trail: made once, however often it is written."""

from __future__ import annotations

import asyncio
import logging
import time
from itertools import islice
from typing import Any

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from blocks.waits import pauses
from sluice.audit.own import own_record
from sluice.errors import ConflictError, InvalidError, NotFoundError, SluiceError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act
from sluice.rollout.journal import timestamp
from tasks.scene.rollout_ref import RolloutRef

log = logging.getLogger("sluice.audit")
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 5, 0.5, 4.0


def record_of(ref: RolloutRef, act: Act, reason: str = "", *, gate: str = "", point: str = "") -> dict[str, Any] | None:
    """The record of an act on a release as it is known at this moment; None where there is no such Canary.

    Made at once and written later: by then the release may have gone on.
    """
    known = connections().informers.known(CANARY, ref.name, ref.namespace)
    try:
        canary = Canary.parse(known) if known else None
    except InvalidError:
        return None
    if canary is None:
        return None
    return own_record(canary, act, timestamp(time.time()), reason=reason, gate=gate, point=point)


async def record_act(record: dict[str, Any]) -> bool:
    """Write a record; False where that failed: the kind is not installed, or the cluster does not take it for a while."""
    wired, name = connections(), record["metadata"]["name"]
    for pause in islice(pauses(FIRST_PAUSE, LONGEST_PAUSE), TRIES):
        try:
            await wired.cluster.create(record)
        except ConflictError:
            return True  # it is there
        except NotFoundError:
            log.debug("%s is not recorded: the cluster has no AuditRecords; apply `sluice crds`", name)
            return False
        except TransientError as error:
            log.info("%s is not recorded yet: %s", name, error)
            await asyncio.sleep(pause)
        except SluiceError as error:
            log.warning("%s is not recorded: %s", name, error)
            return False
        else:
            return True
    log.warning("%s is not recorded: the cluster did not take it %d times", name, TRIES)
    return False
