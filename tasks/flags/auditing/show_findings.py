"""Show findings: what an audit found in one repository, in the code scanning of its forge."""

from __future__ import annotations

from importlib.metadata import version

from blocks.connections import connections
from blocks.leases.lease import current_lease
from sluice.errors import SluiceError
from sluice.flags.audit.finished import Finished
from sluice.flags.audit.sarif import of_repository
from tasks.flags.auditing.ground import flag_audit, forge_of, repository
from tasks.stage import stage


@stage("show findings", run_name="show findings: {repository_name}", delays=[1.0, 4.0])
async def show_findings(name: str, namespace: str, repository_name: str, commit: str, finished: Finished) -> str:
    """Hand the findings of one repository to its forge; nothing found is said too, and closes what was shown before.

    Returns:
        Why they are not shown; empty where they are.
    """
    wired = connections()
    try:
        audit = await flag_audit(wired, name, namespace)
        where = await repository(wired, audit, repository_name)
        forge = await forge_of(wired, audit, where)
        found = of_repository(finished, version("sluice"), where.name)
        current_lease().check()
        await forge.show_findings(where.url, where.branch, commit, found)
    except SluiceError as error:
        return f"{repository_name}: the findings are not in its code scanning: {error}"
    return ""
