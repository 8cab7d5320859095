"""Freeze releases for somebody, and thaw them: one way for a terminal and for chat."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import FREEZE
from sluice.errors import NotFoundError, TerminalError
from sluice.gates.answering.freezing import BY_COMMAND, EVERYTHING, freeze_of, trail_of
from sluice.manifests.own.audit_record import Act

WAY_OUT = "the cluster does not serve Freeze of sluice.dev/v1alpha1: sluice crds | kubectl apply --server-side -f -"


async def freeze(
    cluster: Cluster, home: str, namespace: str, by: str, reason: str, *, through: str, lasts: float = 0.0
) -> str:
    """Make a Freeze, and leave a record; returns what is frozen, as a sentence.

    Args:
        cluster: by whose rights.
        home: sluice's own namespace.
        namespace: whose releases; empty for all.
        by, reason: who and why.
        through: the way it came.
        lasts: seconds; 0 for until somebody thaws it.

    Raises:
        TerminalError: the cluster does not know the kind.
    """
    now, key = time.time(), uuid4().hex[:8]
    made = freeze_of(namespace, home, by, reason, f"by-command-{key}", now + lasts if lasts else 0.0)
    try:
        await cluster.create(made)
    except NotFoundError as error:
        raise TerminalError(WAY_OUT) from error
    await cluster.create(trail_of(Act.FREEZE, namespace or home, by, reason, through, now, key))
    return f"{namespace or EVERYTHING} is frozen by {by}: {reason} (Freeze {made['metadata']['name']})"


async def thaw(cluster: Cluster, home: str, namespace: str, by: str, *, through: str, reason: str = "") -> str:
    """Take away what commands have frozen of a namespace, or of everything; returns what, as a sentence."""
    where, gone = namespace or home, []
    for item in await cluster.list(FREEZE, where, f"{BY_COMMAND}=true"):
        if bool((item.get("spec") or {}).get("namespaces")) is bool(namespace):
            continue  # in sluice's own namespace there are both: of it alone, and of everything
        with suppress(NotFoundError):
            await cluster.delete(FREEZE, item["metadata"]["name"], where)
        gone.append(item["metadata"]["name"])
    if not gone:
        return f"no command has frozen {namespace or EVERYTHING}: nothing was taken away"
    await cluster.create(trail_of(Act.UNFREEZE, where, by, reason, through, time.time(), uuid4().hex))
    return f"{namespace or EVERYTHING} goes on: {', '.join(gone)} taken away by {by}"
