"""What is written into the status of a HelmRelease before, between and after acts, in Flux's words.

The status is the journal. That an act is begun is written before it, so that its result is known for ours whatever dies
in between; each write carries the resourceVersion that was read, so that of two runs the slower one finds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.durations import go_duration
from sluice.helm.conditions import (
    DRIFTED,
    PROGRESSING,
    RELEASED,
    REMEDIED,
    RETRYING,
    STALLED,
    TESTED,
    dropped,
    marked,
    message_of,
    not_ready,
    rendered_as_wanted,
    summarised,
    updated,
)
from sluice.helm.decide import RUNNING
from sluice.helm.decision import RELEASING, Decision, Step, Wanted
from sluice.helm.values.config_digest import config_digest
from sluice.manifests.conditions import READY, RECONCILING, find_condition, reported
from sluice.manifests.flux.helm.release import FORCE_AT, REQUESTED_AT, RESET_AT, HelmRelease
from sluice.manifests.flux.helm.status import newest_first, truncated

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act came to.

    Attributes:
        error: why it failed; empty where it did not.
        took: seconds.
    """

    error: str = ""
    took: float = 0.0


def prepared(release: HelmRelease, wanted: Wanted, now: datetime) -> HelmRelease:
    """Before the first decision of a run: what is attempted, what of it is not acted on, and whether failures of before
    still count."""
    unsupported = release.spec.unsupported("spec")
    conditions = reported(release.status.conditions, unsupported, release.metadata.generation, now)
    release = updated(release, conditions=conditions)
    status, digest = release.status, config_digest(wanted.values)
    attempted = (status.last_attempted_generation, status.last_attempted_revision, status.last_attempted_config_digest)
    reset = release.asked(RESET_AT, status.last_handled_reset_at)
    if attempted != (release.metadata.generation, wanted.chart_version, digest) or reset:
        release = updated(release, failures=0, install_failures=0, upgrade_failures=0)
    return updated(
        release,
        storage_namespace=release.storage_namespace,
        last_attempted_generation=release.metadata.generation,
        last_attempted_revision=wanted.chart_version,
        last_attempted_revision_digest=wanted.digest,
        last_attempted_config_digest=digest,
        last_handled_reset_at=release.metadata.annotations.get(RESET_AT, status.last_handled_reset_at),
    )


def begun(release: HelmRelease, decision: Decision, timeout: float, now: datetime) -> HelmRelease:
    """An act is under way."""
    said = f"{RUNNING}{decision.step}' action with timeout of {go_duration(timeout)}"
    release = marked(release, RECONCILING, "True", PROGRESSING, said, now)
    if decision.forget:
        release = updated(release, history=())
    if decision.step in RELEASING:
        release = marked(release, READY, "Unknown", PROGRESSING, said, now)
        release = dropped(release, TESTED, REMEDIED, STALLED)
        release = updated(release, last_attempted_release_action=str(decision.step))
    if decision.step is Step.INSTALL:
        # Nobody returns to what was before an install.
        release = updated(release, history=())
    if decision.step in RELEASING and release.asked(FORCE_AT, release.status.last_handled_force_at):
        release = updated(release, last_handled_force_at=release.metadata.annotations[FORCE_AT])
    return release


def settled(release: HelmRelease, now: datetime) -> HelmRelease:
    """The release is as it is wanted."""
    history = truncated(release.status.history, release.ignores_tests)
    release = dropped(updated(release, history=history), RECONCILING, STALLED)
    released = find_condition(release.status.conditions, RELEASED)
    latest = release.status.latest
    remedied = find_condition(release.status.conditions, REMEDIED)
    if latest and (remedied or released is None or released.status != "True"):
        # What it was rolled back to is what is wanted now; or a failed release was mended by something else.
        act = "install" if released and released.reason == "InstallFailed" else "upgrade"
        said = f"Helm {act} succeeded for release {latest.full_name} with chart {latest.chart}"
        release = marked(dropped(release, REMEDIED), RELEASED, "True", f"{act.capitalize()}Succeeded", said, now)
    if release.spec.drift_detection.looks and not message_of(release, DRIFTED):
        release = undrifted(release, now)
    return rendered_as_wanted(summarised(release, now))


def undrifted(release: HelmRelease, now: datetime) -> HelmRelease:
    """Nothing differs from the release."""
    return marked(release, DRIFTED, "False", "NoDriftDetected", "No drift detected against the cluster state", now)


def drifted(release: HelmRelease, summary: Sequence[str], now: datetime) -> HelmRelease:
    """Objects differ from the release; `summary` has a line for each, without values."""
    latest = release.status.latest
    name = latest.full_name if latest else release.name
    said = f"Cluster state of release {name} has drifted from the desired state:\n" + "\n".join(summary)
    return marked(release, DRIFTED, "True", "DriftDetected", said, now)


def stalled(release: HelmRelease, decision: Decision, now: datetime) -> HelmRelease:
    """No try is left."""
    release = dropped(marked(release, STALLED, "True", decision.reason, decision.said, now), RECONCILING)
    ready = find_condition(release.status.conditions, READY)
    if ready is None or ready.status != "False":
        release = marked(release, READY, "False", decision.reason, decision.said, now)
    return release


def to_go_on(release: HelmRelease, now: datetime) -> HelmRelease:
    """The next run goes on."""
    retry = release.retry
    said = f"retrying after {go_duration(retry.retry_interval)}" if retry else message_of(release, READY)
    return marked(release, RECONCILING, "True", RETRYING, said, now)


def waiting(release: HelmRelease, reason: str, message: str, now: datetime) -> HelmRelease:
    """Nothing can be done before something else has happened, and it is looked for again."""
    release = marked(release, READY, "False", reason, message, now)
    return marked(release, RECONCILING, "True", RETRYING, message, now)


def refused(release: HelmRelease, reason: str, message: str, now: datetime) -> HelmRelease:
    """Nothing can be done before a person changes the manifest."""
    release = not_ready(release, reason, message, now)
    return updated(
        marked(release, STALLED, "True", reason, message, now), observed_generation=release.metadata.generation
    )


def finished(release: HelmRelease, *, observed: bool) -> HelmRelease:
    """At the end of a run: the request that it answers, and where it came to an end the generation that it was about."""
    asked = release.metadata.annotations.get(REQUESTED_AT, "")
    release = updated(release, last_handled_reconcile_at=asked or release.status.last_handled_reconcile_at)
    if not observed:
        return release
    return updated(
        release,
        observed_generation=release.metadata.generation,
        last_handled_force_at=release.metadata.annotations.get(FORCE_AT, release.status.last_handled_force_at),
    )


def body(release: HelmRelease) -> Body:
    """The merge patch that brings the status to this. What is empty is taken away, as Go leaves it out."""
    written = release.status.model_dump(by_alias=True, mode="json")
    written["history"] = [
        {key: value for key, value in one.model_dump(by_alias=True, mode="json").items() if value not in (None, "")}
        for one in newest_first(release.status.history)
    ]
    status = {key: value if value or value is False else None for key, value in written.items()}
    return {"metadata": {"resourceVersion": release.metadata.resource_version}, "status": status}
