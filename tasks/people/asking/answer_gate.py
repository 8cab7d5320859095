"""Answer at a Gate for somebody in Prefect's UI. Prefect knows no people, so all of them have one name."""

from __future__ import annotations

from blocks.connections import connections
from sluice.gates.asking import Request
from sluice.manifests.own.audit_record import Act
from tasks.people.asking.ask import ask
from tasks.stage import stage

BY = "prefect-ui"
"""Who it was, as far as is known: a Gate that names people lets nobody answer this way unless it names this too."""
THROUGH = "prefect"


@stage("answer gate", run_name="{answer} {name}.{namespace}")
async def answer_at_gate(namespace: str, name: str, answer: str, reason: str = "", gate: str = "") -> str:
    """Make the record of an answer; returns the sentence that says what was asked.

    Raises:
        InvalidError: it makes no sense as the release stands, or the Gate does not take it.
        NotFoundError: there is no such Canary.
    """
    wired = connections()
    asked = Request(Act(answer), BY, through=THROUGH, reason=reason, gate=gate, once=THROUGH)
    return await ask(wired.cluster, wired.home, namespace, name, asked)
