"""Ask something of a release for somebody: the one way in of the command line, chat, and the API."""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY, GATE
from sluice.errors import ConflictError, NotFoundError, SluiceError, TerminalError
from sluice.gates.asking import Request, check, record_of
from sluice.gates.reach import gates_for
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gate import Gate
from sluice.rollout.journal import timestamp


async def ask(cluster: Cluster, home: str, namespace: str, name: str, request: Request) -> str:
    """Make the record of a request; returns the sentence that says what was asked.

    Args:
        cluster: where the Canary is, by the rights of who asks.
        home: sluice's own namespace.
        namespace, name: of the Canary.
        request: what is asked for.

    Raises:
        InvalidError: it makes no sense as the release stands, or is not theirs to say.
        NotFoundError: there is no such Canary.
        TerminalError: the cluster does not keep records.
    """
    canary = Canary.parse(await cluster.get(CANARY, name, namespace))
    gate = check(request, canary, await gates_of(cluster, home, canary))
    record = record_of(request, canary, gate, timestamp(time.time()), uuid4().hex)
    try:
        with suppress(ConflictError):  # the same press, delivered twice
            await cluster.create(record)
    except NotFoundError as error:
        raise TerminalError(
            "the cluster does not serve AuditRecord of sluice.dev/v1alpha1: sluice crds | kubectl apply --server-side -f -"
        ) from error
    version = canary.status.begun_with.version if canary.status.begun_with else canary.status.last_applied_spec
    where = f" at gate {gate}" if gate else ""
    return f"{request.act} of {canary.name}.{canary.namespace}@{version}{where}, by {request.by}"


async def gates_of(cluster: Cluster, home: str, canary: Canary) -> list[Gate]:
    """The Gates that have a say in a Canary's releases. Those of sluice's own namespace that cannot be read are left out."""
    items = await cluster.list(GATE, canary.namespace)
    if home and home != canary.namespace:
        with suppress(SluiceError):  # a team's own rights end at its namespace
            items = [*items, *await cluster.list(GATE, home)]
    return gates_for(Gate.valid(items), canary, home)
