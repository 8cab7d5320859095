"""The FlagAudit's status as the memory of its pull requests and of what it has seen; fenced by the object's version."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import FLAG_AUDIT
from blocks.leases.lease import Lease, current_lease, owning
from sluice.errors import ConflictError, NotFoundError, TransientError
from sluice.flags.audit.finished import Row
from sluice.manifests.conditions import READY, Condition, rfc3339, with_condition
from sluice.manifests.own.flag_audit import FlagAudit, ProposedRemoval
from tasks.flags.auditing.ground import now

TRIES = 5
MOST_ROWS = 3000
"""Flags that the status has room for: an object of the API server has a megabyte and a half."""
LONGEST_MESSAGE = 2000
Body = dict[str, Any]


@contextlib.asynccontextmanager
async def claimed(name: str, namespace: str, run: str) -> AsyncIterator[Lease]:
    """Wait until nobody else carries this FlagAudit, then hold its Lease for as long as the block lasts."""
    wired, called = connections(), f"sluice-audit-{name}"
    lease = Lease(wired.cluster, wired.informers, wired.lease, wired.workers, called, namespace, run)
    async with owning(lease):
        yield lease


async def change(wired: Connections, name: str, namespace: str, wish: Callable[[FlagAudit], Body | None]) -> None:
    """Write the status by what it is now; nothing where the audit is gone or the wish is None.

    Raises:
        TransientError: somebody writes to it all the time.
        LostError: another run may carry the audit by now.
    """
    for _ in range(TRIES):
        current_lease().check()
        found = await wired.cluster.find(FLAG_AUDIT, name, namespace)
        if found is None:
            return
        audit = FlagAudit.parse(found)
        status = wish(audit)
        if status is None:
            return
        body = {"metadata": {"resourceVersion": audit.metadata.resource_version}, "status": status}
        with contextlib.suppress(ConflictError, NotFoundError):
            await wired.cluster.patch(FLAG_AUDIT, name, namespace, body, subresource="status")
            return
    raise TransientError(
        f"FlagAudit {namespace}/{name} is written to by somebody all the time: its status is not written"
    )


async def remember(wired: Connections, name: str, namespace: str, removal: ProposedRemoval) -> None:
    """Write down what is about to be proposed, or what became of it."""

    def wish(audit: FlagAudit) -> Body | None:
        before = audit.status.removals
        after = [one for one in before if not same(one, removal)] + [removal]
        return None if removal in before else {"removals": [_dump(one) for one in after]}

    await change(wired, name, namespace, wish)


async def forget(wired: Connections, name: str, namespace: str, removals: Iterable[ProposedRemoval]) -> None:
    """Strike out what is no longer proposed."""
    gone = list(removals)

    def wish(audit: FlagAudit) -> Body | None:
        after = [one for one in audit.status.removals if not any(same(one, other) for other in gone)]
        return None if len(after) == len(audit.status.removals) else {"removals": [_dump(one) for one in after]}

    await change(wired, name, namespace, wish)


async def finish(
    wired: Connections, name: str, namespace: str, rows: Iterable[Row] | None, troubles: Iterable[str], said: str
) -> None:
    """Write down what was found.

    Args:
        rows: None where the service could not be asked: what was seen of its flags before stays.
        troubles: what could not be looked at.
        said: what was found, in a sentence.
    """
    faults, at = list(troubles), now()

    def wish(audit: FlagAudit) -> Body:
        ready = Condition(
            type=READY,
            status="False" if faults else "True",
            reason="AuditIncomplete" if faults else "Succeeded",
            message="; ".join([said, *faults])[:LONGEST_MESSAGE],
            observed_generation=audit.metadata.generation,
        )
        seen = {} if rows is None else {"flags": [_dump(row.seen) for row in list(rows)[:MOST_ROWS]]}
        return {
            "observedGeneration": audit.metadata.generation,
            "lastAudit": rfc3339(at),
            "conditions": [_dump(one) for one in with_condition(audit.status.conditions, ready, at)],
            **seen,
        }

    await change(wired, name, namespace, wish)


def same(one: ProposedRemoval, other: ProposedRemoval) -> bool:
    """Whether they are about one flag in one repository."""
    return (one.flag, one.url, one.branch, one.into) == (other.flag, other.url, other.branch, other.into)


def _dump(model: Any) -> Body:
    found: Body = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return found
