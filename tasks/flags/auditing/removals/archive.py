"""Archive: a flag leaves the service once no code asks for it and its removal is deployed everywhere; never before."""

from __future__ import annotations

from blocks.connections import Connections, connections
from blocks.leases.lease import current_lease
from sluice.errors import SluiceError
from sluice.manifests.own.flag_audit import FlagAudit, ProposedRemoval
from tasks.flags.auditing.ground import flag_audit
from tasks.flags.auditing.removals.deployed import not_deployed
from tasks.flags.auditing.state import change
from tasks.stage import stage

MOST_NAMED = 100
"""Archived flags that the status names."""


@stage("archive", run_name="archive: {flag}", delays=[1.0, 4.0])
async def archive(name: str, namespace: str, flag: str) -> str:
    """Archive a flag whose removals are all deployed. Why it is not archived yet; empty where it is.

    What shows that it is deployed is read now, and the flag once more right before: one that moved meanwhile stays.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    removals = [one for one in audit.status.removals if one.flag == flag]
    if not removals or any(one.state != "removed" for one in removals):
        return f"{flag}: not all of its removals are merged"
    try:
        for one in removals:
            if why := await not_deployed(wired, audit, one):
                return f"{flag}: {why}"
        if why := await _moved(wired, audit, removals):
            return f"{flag}: {why}"
        service = await wired.flags(audit.spec.service, audit.namespace)
        current_lease().check()
        await service.archive(flag)
    except SluiceError as error:
        return f"{flag}: {error}"
    await _note(wired, audit, flag)
    return ""


async def _moved(wired: Connections, audit: FlagAudit, removals: list[ProposedRemoval]) -> str:
    service = await wired.flags(audit.spec.service, audit.namespace)
    for environment in audit.spec.service.environments:
        found = await service.flag(removals[0].flag, environment)
        state = found.environments.get(environment) if found else None
        if state is not None and any(state.served.everybody != one.value for one in removals):
            return f"it moved again: {environment}: {state.served}"
    return ""


async def _note(wired: Connections, audit: FlagAudit, flag: str) -> None:
    def wish(now: FlagAudit) -> dict[str, object]:
        kept = [one for one in now.status.removals if one.flag != flag]
        named = [*(one for one in now.status.archived if one != flag), flag][-MOST_NAMED:]
        dumped = [one.model_dump(mode="json", by_alias=True, exclude_defaults=True) for one in kept]
        return {"removals": dumped, "archived": named}

    await change(wired, audit.name, audit.namespace, wish)
