"""FINDINGS: what an audit can find, the first that is so counts. A new one is a file and a row."""

from __future__ import annotations

from sluice.flags.audit.findings.base import Finding, Found, Subject, Survey
from sluice.flags.audit.findings.experiment_over import ExperimentOver
from sluice.flags.audit.findings.fully_off import FullyOff
from sluice.flags.audit.findings.fully_on import FullyOn
from sluice.flags.audit.findings.live import Live
from sluice.flags.audit.findings.mistyped import Mistyped
from sluice.flags.audit.findings.unknown_in_code import UnknownInCode
from sluice.flags.audit.findings.unknown_in_service import UnknownInService

FINDINGS: tuple[Finding, ...] = (
    Mistyped(),
    UnknownInService(),
    UnknownInCode(),
    ExperimentOver(),
    FullyOn(),
    FullyOff(),
    Live(),
)
BY_NAME = {finding.name: finding for finding in FINDINGS}


def judged(subject: Subject, survey: Survey) -> tuple[Finding, Found]:
    """What is to be said of a flag."""
    return next((one, found) for one in FINDINGS if (found := one.find(subject, survey)) is not None)
