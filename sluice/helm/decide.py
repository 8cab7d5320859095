"""What comes next for a release: one pure function of helm's storage, the manifest, its status, and what is wanted.

The rules are those of Flux's helm-controller, with two more. An act that came to its end while its worker died is
recorded, and not done a second time. And an act of somebody else's that is under way is waited for, as long as its
timeout may last: Flux would set it to failed under that person's hands.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sluice.helm.decision import KIND, REMEDIES, Decision, Step, Wanted
from sluice.helm.digests import common_metadata_digest, post_renderers_digest
from sluice.helm.snapshots import is_of
from sluice.helm.storage import StoredRelease
from sluice.helm.values.composed import merged, same_values
from sluice.manifests.conditions import RECONCILING, find_condition
from sluice.manifests.flux.helm.acts import UpgradeRemediation
from sluice.manifests.flux.helm.release import FORCE_AT, HelmRelease
from sluice.manifests.flux.helm.status import previous

RUNNING = "Running '"
"""How the message of `Reconciling` begins while an act is under way."""


def decide(
    release: HelmRelease,
    found: Sequence[StoredRelease],
    wanted: Wanted,
    now: datetime,
    *,
    done: Sequence[Step] = (),
    drifted: bool | None = None,
) -> Decision:
    """The next step.

    Args:
        found: the release's revisions in helm's storage, the newest first.
        done: what this run has done already, in order.
        drifted: whether the cluster's objects differ from the release; None where nobody has compared them yet.
    """
    forced = release.asked(FORCE_AT, release.status.last_handled_force_at) and Step.UPGRADE not in done
    decision = _next(release, found, wanted, now, drifted, forced and Step.INSTALL not in done)
    if done and done[-1] in REMEDIES and decision.step is not Step.DONE:
        # What follows a remedy is for the next run: there is time for a person, or for what broke, to change something.
        return _stopped(release, "the failure was remedied")
    if KIND[decision.step] in {KIND[step] for step in done}:
        return _stopped(release, f"one {KIND[decision.step]} in a run")
    return decision


def _next(
    release: HelmRelease,
    found: Sequence[StoredRelease],
    wanted: Wanted,
    now: datetime,
    drifted: bool | None,
    forced: bool,
) -> Decision:
    if not found:
        return _install(release, forced, "there is no release in helm's storage")
    last, current = found[0], release.status.latest
    if last.pending:
        return _pending(release, last, now)
    if last.status == "uninstalling":
        return Decision(Step.UNINSTALL, "an uninstall of the release did not come to its end")
    if current is None or not is_of(current, last):
        return _not_ours(release, last, wanted, forced)
    if last.status == "uninstalled":
        return _install(release, forced, "the release in helm's storage was uninstalled")
    if last.status == "failed":
        return _failed(release, found, forced, "the release failed")
    if last.status != "deployed":
        return Decision(Step.UPGRADE, f"the release is {last.status or 'in no state'}", forget=True)
    return _deployed(release, found, wanted, drifted, forced)


def _pending(release: HelmRelease, last: StoredRelease, now: datetime) -> Decision:
    """An act of ours that is not under way any more is dead; of somebody else's that is known after its timeout."""
    if _was_ours(release, last):
        return Decision(Step.UNLOCK, f"an act of sluice's ended at {last.status!r}")
    begun = _moment(last.changed_at)
    if begun is None or now - begun > timedelta(seconds=release.spec.timeout):
        return Decision(Step.UNLOCK, f"the release is {last.status!r} for longer than its timeout")
    return Decision(Step.FOREIGN, f"the release is {last.status!r}: somebody else's helm is at work")


def _was_ours(release: HelmRelease, last: StoredRelease) -> bool:
    """Whether the status says that an act of ours was begun whose result this revision can be."""
    running = find_condition(release.status.conditions, RECONCILING)
    if running is None or running.status != "True" or not running.message.startswith(RUNNING):
        return False
    current = release.status.latest
    return current is None or last.version in {current.version, current.version + 1}


def _not_ours(release: HelmRelease, last: StoredRelease, wanted: Wanted, forced: bool) -> Decision:
    current = release.status.latest
    if _was_ours(release, last) and (current is None or last.version > current.version):
        return Decision(Step.RECORD, "an act of sluice's came to its end and was not written down")
    if last.status == "uninstalled":
        return _install(release, forced, "the release in helm's storage was uninstalled")
    why = "there is a release that sluice has not made" if current is None else "somebody else has changed the release"
    return Decision(Step.UPGRADE, f"{why}: {last.name} revision {last.version}", forget=True)


def _install(release: HelmRelease, forced: bool, why: str) -> Decision:
    if release.spec.install.remediation.exhausted(release.status.install_failures) and not forced:
        return _exhausted(release, "install", release.status.install_failures)
    return Decision(Step.INSTALL, why)


def _deployed(
    release: HelmRelease, found: Sequence[StoredRelease], wanted: Wanted, drifted: bool | None, forced: bool
) -> Decision:
    if why := _differs(release, found[0], wanted):
        failures = release.status.upgrade_failures
        if release.spec.upgrade.remediation.exhausted(failures) and not forced:
            return _exhausted(release, "upgrade", failures)
        return Decision(Step.UPGRADE, why)
    current = release.status.latest
    if release.spec.test.enable and current is not None:
        if not current.tested:
            return Decision(Step.TEST, "the release was not tested")
        if current.tests_failed and release.remediation is not None and not release.ignores_tests:
            return _failed(release, found, forced, "a test of the release failed")
    if forced:
        return Decision(Step.UPGRADE, "a person asked for it")
    if not release.spec.drift_detection.looks:
        return Decision(Step.DONE)
    if drifted is None:
        return Decision(Step.COMPARE)
    if drifted and release.spec.drift_detection.mode == "enabled":
        return Decision(Step.CORRECT, "objects of the release were changed")
    return Decision(Step.DONE)


def _differs(release: HelmRelease, last: StoredRelease, wanted: Wanted) -> str:
    """Why a deployed release is not what is wanted; empty where it is."""
    if (last.chart.get("name"), last.chart.get("version")) != (wanted.chart_name, wanted.chart_version):
        return f"the chart is {last.chart.get('name')}@{last.chart.get('version')}, wanted is {wanted.chart}"
    keeps = release.spec.upgrade.preserve_values and last.version > 1
    expected = merged(last.config, wanted.values) if keeps else wanted.values
    if not same_values(last.config, expected):
        return "the values differ"
    status = release.status
    if status.observed_generation == release.metadata.generation:
        return ""
    if post_renderers_digest(release.spec) != status.observed_post_renderers_digest:
        return "spec.postRenderers was changed"
    if common_metadata_digest(release.spec) != status.observed_common_metadata_digest:
        return "spec.commonMetadata was changed"
    return ""


def _failed(release: HelmRelease, found: Sequence[StoredRelease], forced: bool, why: str) -> Decision:
    remedy = release.remediation
    if release.retry or remedy is None or release.failures <= 0 or forced:
        return Decision(Step.UPGRADE, f"{why}, and is tried again")
    last_too = remedy.remediate_last_failure
    if last_too is None:
        last_too = isinstance(remedy, UpgradeRemediation) and remedy.retries > 0
    if remedy.exhausted(release.failures) and not last_too:
        return _exhausted(release, release.status.last_attempted_release_action, release.failures)
    if not isinstance(remedy, UpgradeRemediation) or remedy.strategy == "uninstall":
        return Decision(Step.UNINSTALL, why)
    back = previous(release.status.history, release.ignores_tests)
    if back is None:
        return Decision(
            Step.STALLED,
            "MissingRollbackTarget",
            said="Failed to perform remediation: missing target release for rollback: cannot remediate failed release",
        )
    target = next((one for one in found if one.version == back.version), None)
    if target is None or not is_of(back, target):
        return Decision(Step.UPGRADE, f"{why}, and revision {back.version} is not in storage as it was")
    return Decision(Step.ROLLBACK, why, version=back.version)


def _exhausted(release: HelmRelease, act: str, failures: int) -> Decision:
    return Decision(Step.STALLED, "RetriesExceeded", said=f"Failed to {act} after {failures} attempt(s)")


def _stopped(release: HelmRelease, why: str) -> Decision:
    """The end of a run that has not come to what is wanted: the next one, or nothing where no try is left."""
    remedy = release.remediation
    uninstalls = isinstance(remedy, UpgradeRemediation) and remedy.strategy == "uninstall"
    if release.retry is None and remedy is not None and remedy.exhausted(release.failures) and not uninstalls:
        return _exhausted(release, release.status.last_attempted_release_action, release.failures)
    return Decision(Step.AGAIN, why)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
