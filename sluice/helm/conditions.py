"""Conditions of a HelmRelease, and how Ready follows from what was released, tested and remedied."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sluice.helm.digests import common_metadata_digest, post_renderers_digest
from sluice.manifests.conditions import (
    READY,
    RECONCILING,
    Condition,
    find_condition,
    with_condition,
    without_condition,
)
from sluice.manifests.flux.helm.release import HelmRelease

RELEASED, REMEDIED, TESTED, DRIFTED, STALLED = "Released", "Remediated", "TestSuccess", "Drifted", "Stalled"
PROGRESSING, RETRYING = "Progressing", "ProgressingWithRetry"
LONGEST = 20_000
"""Characters of a message; a condition takes 32,768, and what helm says may be long."""


def updated(release: HelmRelease, **status: Any) -> HelmRelease:
    """The manifest with these fields of its status."""
    return release.model_copy(update={"status": release.status.model_copy(update=status)})


def marked(release: HelmRelease, kind: str, status: str, reason: str, message: str, now: datetime) -> HelmRelease:
    """With this condition in place of the one of its type."""
    new = Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message[:LONGEST],
        observed_generation=release.metadata.generation,
    )
    return updated(release, conditions=with_condition(release.status.conditions, new, now))


def dropped(release: HelmRelease, *kinds: str) -> HelmRelease:
    """Without the conditions of these types."""
    conditions = release.status.conditions
    for kind in kinds:
        conditions = without_condition(conditions, kind)
    return updated(release, conditions=conditions)


def message_of(release: HelmRelease, kind: str) -> str:
    """What a condition says; empty where it is not there."""
    found = find_condition(release.status.conditions, kind)
    return found.message if found else ""


def summarised(release: HelmRelease, now: datetime) -> HelmRelease:
    """With Ready as the newest of remedied, tested and released has it.

    Of those of one generation a remedy speaks first, then a test, then the release; a remedied release is not ready.
    """
    tests = release.spec.test
    if not tests.enable:
        release = dropped(release, TESTED)
    order = [REMEDIED, TESTED, RELEASED] if tests.enable and not tests.ignore_failures else [REMEDIED, RELEASED]
    said = [found for kind in order if (found := find_condition(release.status.conditions, kind))]
    if said:
        first = max(said, key=lambda one: (one.observed_generation, -order.index(one.type)))
        status = "False" if first.type == REMEDIED else first.status
        if status == "True":
            release = dropped(release, STALLED)
        release = marked(release, READY, status, first.reason, first.message, now)
    return release


def rendered_as_wanted(release: HelmRelease) -> HelmRelease:
    """What is released was rendered as the manifest says now: only then its digests are written."""
    return updated(
        release,
        observed_post_renderers_digest=post_renderers_digest(release.spec),
        observed_common_metadata_digest=common_metadata_digest(release.spec),
    )


def not_ready(release: HelmRelease, reason: str, message: str, now: datetime) -> HelmRelease:
    """What it waits for, or why it cannot be released: nothing was done."""
    return dropped(marked(release, READY, "False", reason, message, now), RECONCILING)
