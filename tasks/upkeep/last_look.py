"""The last look at what nobody reports, whichever worker made it: how several workers ask each server no more than one does.

`reconcile` runs in any worker, and what one process remembers the others do not know. So the moment of the last look that
came to its end is in a Lease of the installation, and an object is due where its interval was over since (`Pace`). A look
that fails, or whose worker dies, leaves the moment as it is: the next one, a minute later in any worker, makes up for it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import LEASE
from sluice.errors import SluiceError
from sluice.rollout.objects import MANAGED_BY

Object = dict[str, Any]
AHEAD = 300.0
"""Seconds that another worker's clock may be ahead: a moment later than that is no moment of a look."""
log = logging.getLogger("sluice.reconcile")


@dataclass(frozen=True, slots=True)
class LastLook:
    """The look before this one.

    Attributes:
        now: when this one begins.
        since: when that one began; None where it is not known, and each process goes by what it remembers.
        lease: where that is written; None where it has to be made.
        readable: whether it could be read.
    """

    now: float
    since: float | None = None
    lease: Object | None = None
    readable: bool = True


async def last_look() -> LastLook:
    """The look before, as the cluster has it."""
    wired, now = connections(), _now()
    try:
        lease = await wired.cluster.find(LEASE, _name(wired), wired.lease.namespace)
    except SluiceError as error:
        log.warning("when sources were looked at last is not known: %s", error)
        return LastLook(now, readable=False)
    try:
        since = datetime.fromisoformat(str((lease or {}).get("spec", {})["renewTime"])).timestamp()
    except (KeyError, ValueError):
        return LastLook(now, lease=lease)
    return LastLook(now, since if since <= now + AHEAD else None, lease)


async def looked(look: LastLook) -> None:
    """Write down that a look has come to its end; what is found in it was accepted by then."""
    if not look.readable or (look.since is not None and look.since > look.now):
        return
    wired = connections()
    meta = {"name": _name(wired), "namespace": wired.lease.namespace, "labels": dict(MANAGED_BY)}
    stamp = datetime.fromtimestamp(look.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    body: Object = {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.kind,
        "metadata": look.lease["metadata"] if look.lease else meta,
        "spec": {"holderIdentity": wired.lease.identity, "renewTime": stamp},
    }
    try:
        await (wired.cluster.replace(LEASE, body) if look.lease else wired.cluster.create(body))
    except SluiceError as error:
        # Another worker's look came to its end meanwhile, or the cluster is away: some servers are asked once more.
        log.info("that sources were looked at was not written down: %s", error)


def _name(wired: Connections) -> str:
    return f"sluice-looks-{wired.scope}".rstrip("-")


def _now() -> float:
    return time.time()
