"""Report: the table and the SARIF of an audit in Prefect, and what was found in the FlagAudit's status."""

from __future__ import annotations

import re
from importlib.metadata import version

from prefect.artifacts import Artifact, acreate_table_artifact

from blocks.connections import connections
from sluice.flags.audit.finished import Finished, Row
from sluice.flags.audit.sarif import sarif
from sluice.flags.audit.summary import counts, table
from tasks.flags.auditing.state import finish
from tasks.stage import stage

SARIF = "sarif"
"""Type of the artifact that code scanning reads."""
_UNFIT = re.compile(r"[^a-z0-9-]+")


def said(finished: Finished) -> str:
    """What was found, in a sentence."""
    found = ", ".join(f"{number} {name}" for name, number in counts(finished).items())
    return f"{len(finished.rows)} flags: {found}" if found else "no flags"


@stage("report", run_name="report: {finished.audit}", delays=[1.0, 4.0])
async def report(finished: Finished) -> None:
    """Leave two artifacts: the table of all flags, and the findings as SARIF."""
    key = f"flags-{_UNFIT.sub('-', finished.audit.lower()).strip('-')}"
    description = f"**{finished.audit}** {said(finished)}"
    if finished.troubles:
        description += "\n\n" + "\n".join(f"- {one}" for one in finished.troubles)
    await acreate_table_artifact(table=table(finished), key=key, description=description)
    made = sarif(finished, version("sluice"))
    await Artifact(type=SARIF, key=f"{key}-sarif", description="for code scanning", data=made).acreate()


@stage("write down", run_name="write down: {namespace}/{name}", delays=[1.0, 4.0])
async def write_down(
    name: str, namespace: str, rows: tuple[Row, ...] | None, troubles: tuple[str, ...], found: str
) -> None:
    """Write what was found into the FlagAudit's status, for the next audit and for metrics.

    Raises:
        TransientError: somebody writes to it all the time.
    """
    await finish(connections(), name, namespace, rows, troubles, found)
