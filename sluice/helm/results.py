"""What an act came to, as the status says it: releases, conditions, and failures that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sluice.durations import go_duration
from sluice.helm.conditions import (
    DRIFTED,
    RELEASED,
    REMEDIED,
    TESTED,
    marked,
    rendered_as_wanted,
    summarised,
    updated,
)
from sluice.helm.decision import RELEASING, Decision, Step, Wanted
from sluice.helm.record import Outcome, undrifted
from sluice.helm.snapshots import hooks_tested, is_of, snapshot
from sluice.helm.storage import StoredRelease
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.helm.status import Snapshot, newest_first


@dataclass(frozen=True, slots=True)
class _Result:
    """What is known after an act; `changed` where helm's storage has something new."""

    decision: Decision
    wanted: Wanted
    error: str
    changed: bool


def ended(
    release: HelmRelease,
    decision: Decision,
    wanted: Wanted,
    outcome: Outcome,
    found: Sequence[StoredRelease],
    now: datetime,
) -> HelmRelease:
    """The status after an act.

    Args:
        release: as it was when the act began.
        decision: the act; `RECORD` for one that ended while nobody was there to write it down.
        found: the release's revisions in helm's storage after the act, the newest first.
    """
    if decision.step is Step.CORRECT:
        failed = outcome.error
        return (
            marked(release, DRIFTED, "True", "DriftCorrectionFailed", failed, now)
            if failed
            else undrifted(release, now)
        )
    before = release.status.latest
    release = updated(release, history=_history(release, decision, wanted, found))
    changed = release.status.latest != before
    if decision.step in RELEASING:
        release = updated(release, last_attempted_release_action_duration=go_duration(round(outcome.took, 3)))
    release = _RESULTS[decision.step](release, _Result(decision, wanted, outcome.error, changed), now)
    return summarised(release, now)


def recorded(release: HelmRelease, wanted: Wanted, found: Sequence[StoredRelease], now: datetime) -> HelmRelease:
    """The status after an act whose end nobody was there to write down: helm's storage says how it went."""
    last = found[0]
    act = release.status.last_attempted_release_action or "upgrade"
    step = Step.UPGRADE if last.version > 1 and act != "install" else Step.INSTALL
    error = "" if last.status == "deployed" else str(last.info.get("description") or f"it is {last.status}")
    after = ended(release, Decision(step), wanted, Outcome(error), found, now)
    # What was ended with its worker is no failure of the release: it has its tries still.
    counts = release.status.install_failures, release.status.upgrade_failures
    return updated(after, install_failures=counts[0], upgrade_failures=counts[1])


def _history(
    release: HelmRelease, decision: Decision, wanted: Wanted, found: Sequence[StoredRelease]
) -> tuple[Snapshot, ...]:
    """The history with what the act has made and changed; what somebody else made is not added."""
    known = {one.version: one for one in release.status.history}
    if not found:
        gone = decision.step is Step.UNINSTALL
        change = {"status": "uninstalled", "action": "uninstall-remediation"} if gone else {}
        return tuple(one.model_copy(update=change) if one is release.status.latest else one for one in known.values())
    last = found[0]
    for one in found:
        old = known.get(one.version)
        if old and not is_of(old, one):
            action = old.action
            if one is last and decision.step is Step.UNINSTALL:
                action = "uninstall-remediation"
            new = snapshot(one, action, old.oci_digest)
            known[one.version] = new.model_copy(update={"test_hooks": old.test_hooks})
    newest = max(known, default=0)
    if last.version > newest and decision.step is not Step.TEST:
        acts = {Step.ROLLBACK: "rollback", Step.UNLOCK: release.status.last_attempted_release_action or "upgrade"}
        digest = wanted.digest
        if decision.step is Step.ROLLBACK:
            target = known.get(decision.version)
            digest = target.oci_digest if target else ""
        known[last.version] = snapshot(last, acts.get(decision.step, str(decision.step)), digest)
    if decision.step is Step.TEST and last.version in known:
        hooks = hooks_tested(last, release.spec.test)
        known[last.version] = known[last.version].model_copy(update={"test_hooks": hooks})
    return newest_first(known.values())


def _released(release: HelmRelease, result: _Result, now: datetime) -> HelmRelease:
    act, latest = release.status.last_attempted_release_action, release.status.latest
    name = act.capitalize()
    if not result.error and latest:
        said = f"Helm {act} succeeded for release {latest.full_name} with chart {latest.chart}"
        release = rendered_as_wanted(marked(release, RELEASED, "True", f"{name}Succeeded", said, now))
        if release.spec.test.enable and not latest.tested:
            waits = f"Helm release {latest.full_name} with chart {latest.chart} is awaiting tests"
            release = marked(release, TESTED, "Unknown", "AwaitingTests", waits, now)
        return updated(release, failures=0, install_failures=0, upgrade_failures=0) if release.retry else release
    where = f"{release.release_namespace}/{latest.name if latest else release.name}"
    said = f"Helm {act} failed for release {where} with chart {result.wanted.chart}: {result.error}"
    release = marked(release, RELEASED, "False", f"{name}Failed", said, now)
    release = updated(release, failures=release.status.failures + 1)
    # What left no release behind has nothing to remedy, and may be tried again as it is.
    return _counted(release) if result.changed else release


def _tested(release: HelmRelease, result: _Result, now: datetime) -> HelmRelease:
    latest = release.status.latest
    if latest is None:
        return release
    what = f"for release {latest.full_name} with chart {latest.chart}"
    failed = result.error or ("a test failed" if latest.tests_failed else "")
    if failed:
        release = marked(release, TESTED, "False", "TestFailed", f"Helm test failed {what}: {failed}", now)
        release = updated(release, failures=release.status.failures + 1)
        counts = latest.tested and release.remediation is not None and not release.ignores_tests
        return _counted(release) if counts else release
    many = len(latest.test_hooks or ())
    ran = f"{many} test hook{'s' if many > 1 else ''} completed successfully" if many else "no test hooks"
    return marked(release, TESTED, "True", "TestSucceeded", f"Helm test succeeded {what}: {ran}", now)


def _rolled_back(release: HelmRelease, result: _Result, now: datetime) -> HelmRelease:
    back = next((one for one in release.status.history if one.version == result.decision.version), None)
    to = f"Helm rollback to previous release {f'{back.full_name} with chart {back.chart}' if back else release.name}"
    if result.error:
        release = updated(release, failures=release.status.failures + 1)
        return marked(release, REMEDIED, "False", "RollbackFailed", f"{to} failed: {result.error}", now)
    return marked(release, REMEDIED, "True", "RollbackSucceeded", f"{to} succeeded", now)


def _uninstalled(release: HelmRelease, result: _Result, now: datetime) -> HelmRelease:
    latest = release.status.latest
    what = (
        f"Helm uninstall remediation for release {latest.full_name} with chart {latest.chart}"
        if latest
        else "Helm uninstall"
    )
    if result.error:
        release = updated(release, failures=release.status.failures + 1)
        return marked(release, REMEDIED, "False", "UninstallFailed", f"{what} failed: {result.error}", now)
    return marked(updated(release, inventory=None), REMEDIED, "True", "UninstallSucceeded", f"{what} succeeded", now)


def _unlocked(release: HelmRelease, result: _Result, now: datetime) -> HelmRelease:
    latest = release.status.latest
    what = f"Helm release {latest.full_name} with chart {latest.chart}" if latest else "Helm release"
    if result.error:
        release = updated(release, failures=release.status.failures + 1)
        said = f"Unlock of {what} failed: {result.error}"
        return marked(release, RELEASED, "False", "PendingRelease", said, now)
    return marked(release, RELEASED, "False", "PendingRelease", f"Unlocked {what}: an act on it had died", now)


def _counted(release: HelmRelease) -> HelmRelease:
    """One more failure against the tries of the act."""
    if release.status.last_attempted_release_action == "install":
        return updated(release, install_failures=release.status.install_failures + 1)
    return updated(release, upgrade_failures=release.status.upgrade_failures + 1)


_RESULTS = {
    Step.INSTALL: _released,
    Step.UPGRADE: _released,
    Step.TEST: _tested,
    Step.ROLLBACK: _rolled_back,
    Step.UNINSTALL: _uninstalled,
    Step.UNLOCK: _unlocked,
}
