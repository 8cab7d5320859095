"""Metrics of flag audits, of what FlagAudits remember: how many flags each finding has, and how old the stale ones are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sluice.flags.audit.findings.table import BY_NAME
from sluice.flags.audit.record import moment
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.own.flag_audit import FlagAudit

MOST_FLAGS = 1000
"""Stale flags of one audit that have an age each."""
_OF_AUDIT = ["namespace", "audit"]


class FlagMetrics(Collector):
    """The audits as they were last seen; asked at each scrape, so that ages are those of the scrape.

    Attributes:
        audits: to be replaced whenever they were looked at.
        now: the time of the scrape.
    """

    def __init__(self, now: datetime) -> None:
        self.audits: Sequence[FlagAudit] = ()
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """One family after another."""
        flags = GaugeMetricFamily("sluice_flags", "Flags by what the last audit found.", labels=[*_OF_AUDIT, "finding"])
        ages = GaugeMetricFamily(
            "sluice_stale_flag_age_seconds",
            "For how long a flag that can leave the code has given everybody one value.",
            labels=[*_OF_AUDIT, "flag", "finding"],
        )
        removals = GaugeMetricFamily(
            "sluice_flag_removals", "Removals of flags by their state.", labels=[*_OF_AUDIT, "state"]
        )
        last = GaugeMetricFamily(
            "sluice_flag_audit_last_run_timestamp_seconds", "When the last audit ended.", labels=_OF_AUDIT
        )
        whole = GaugeMetricFamily(
            "sluice_flag_audit_complete", "Whether the last audit could look at everything.", labels=_OF_AUDIT
        )
        for audit in self.audits:
            of = [audit.namespace, audit.name]
            for name, number in _counted(one.finding for one in audit.status.flags).items():
                flags.add_metric([*of, name], number)
            for state, number in _counted(one.state for one in audit.status.removals).items():
                removals.add_metric([*of, state], number)
            for key, finding, since in _stale(audit):
                ages.add_metric([*of, key, finding], max(0.0, (self.now - since).total_seconds()))
            if at := moment(audit.status.last_audit):
                last.add_metric(of, at.timestamp())
            if ready := find_condition(audit.status.conditions, READY):
                whole.add_metric(of, float(ready.status == "True"))
        yield from (flags, ages, removals, last, whole)


def _counted(names: Iterable[str]) -> dict[str, int]:
    found = list(names)
    return {name: found.count(name) for name in sorted(set(found)) if name}


def _stale(audit: FlagAudit) -> Iterator[tuple[str, str, datetime]]:
    """Key, finding and beginning of each flag that can leave the code, the oldest first."""
    stale = [
        (one.since, one.key, one.finding)
        for one in audit.status.flags
        if one.value and one.finding in BY_NAME and BY_NAME[one.finding].removable
    ]
    for since, key, finding in sorted(stale)[:MOST_FLAGS]:
        if at := moment(since):
            yield key, finding, at
