"""The arguments of the helm program for each act, as Flux's controller sets the same options of helm's library.

No secret is among them: values lie in a file that only its owner can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.helm.decision import Step
from sluice.helm.names import release_name
from sluice.manifests.flux.helm.acts import Act, ReleaseAct, Test, WaitingAct
from sluice.manifests.flux.helm.release import HelmRelease

POST_RENDERER = "sluice"
"""The name under which helm finds what is done to what a chart renders."""
SSA = {"enabled": "true", "disabled": "false"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the program finds what it is to release.

    Attributes:
        chart: a directory.
        values: a file.
    """

    chart: str = ""
    values: str = ""


def timeout_of(release: HelmRelease, step: Step) -> float:
    """Seconds for each wait of an act."""
    acts: dict[Step, Act | Test] = {
        Step.INSTALL: release.spec.install,
        Step.UPGRADE: release.spec.upgrade,
        Step.TEST: release.spec.test,
        Step.ROLLBACK: release.spec.rollback,
        Step.UNINSTALL: release.spec.uninstall,
    }
    act = acts.get(step)
    return (act.timeout if act else None) or release.spec.timeout


def arguments(release: HelmRelease, step: Step, place: Place, *, server_side: bool, version: int = 0) -> list[str]:
    """The arguments for an act.

    Args:
        server_side: whether the release that is acted on was applied server-side; an `auto` follows it.
        version: the revision to return to.
    """
    said = _ACTS[step](release, place, server_side, version)
    return [*said, "--namespace", release.release_namespace, "--timeout", f"{timeout_of(release, step):g}s"]


def _install(release: HelmRelease, place: Place, _server_side: bool, _version: int) -> list[str]:
    act = release.spec.install
    server_side = act.server_side_apply is not False
    flags = {
        "--replace": act.replace,
        "--create-namespace": act.create_namespace and bool(release.spec.target_namespace),
        "--force-conflicts": server_side,
        "--skip-crds": True,
        "--hide-notes": True,
    }
    said = ["install", release_name(release), place.chart, f"--server-side={str(server_side).lower()}"]
    return [*said, *_set(flags), *_releasing(release, act, place)]


def _upgrade(release: HelmRelease, place: Place, server_side: bool, _version: int) -> list[str]:
    act = release.spec.upgrade
    chosen = SSA.get(act.server_side_apply, str(server_side).lower())
    flags = {
        "--reset-values": not act.preserve_values,
        "--reuse-values": act.preserve_values,
        "--force-conflicts": chosen == "true",
        "--force-replace": act.force and chosen != "true",
        "--cleanup-on-fail": act.cleanup_on_fail,
        "--hide-notes": True,
    }
    said = ["upgrade", release_name(release), place.chart, f"--server-side={chosen}"]
    kept = ["--history-max", str(release.spec.max_history)]
    return [*said, *kept, *_set(flags), *_releasing(release, act, place)]


def _releasing(release: HelmRelease, act: ReleaseAct, place: Place) -> list[str]:
    flags = {
        "--take-ownership": not act.disable_take_ownership,
        "--disable-openapi-validation": act.disable_openapi_validation,
        "--skip-schema-validation": act.disable_schema_validation,
    }
    files = ["--values", place.values] if place.values else []
    return [*_set(flags), *_waiting(release, act), *files, "--post-renderer", POST_RENDERER]


def _test(release: HelmRelease, _place: Place, _server_side: bool, _version: int) -> list[str]:
    filters = [
        part for one in release.spec.test.filters for part in ("--filter", f"{'!' * one.exclude}name={one.name}")
    ]
    return ["test", release_name(release), *filters]


def _rollback(release: HelmRelease, _place: Place, server_side: bool, version: int) -> list[str]:
    act = release.spec.rollback
    chosen = SSA.get(act.server_side_apply, str(server_side).lower())
    flags = {
        "--force-conflicts": chosen == "true",
        "--force-replace": act.force and chosen != "true",
        "--cleanup-on-fail": act.cleanup_on_fail,
    }
    said = ["rollback", release_name(release), str(version), f"--server-side={chosen}"]
    return [*said, "--history-max", str(release.spec.max_history), *_set(flags), *_waiting(release, act)]


def _uninstall(release: HelmRelease, _place: Place, _server_side: bool, _version: int) -> list[str]:
    act = release.spec.uninstall
    latest = release.status.latest
    name = latest.name if latest else release_name(release)
    flags = {"--keep-history": act.keep_history, "--no-hooks": act.disable_hooks}
    return ["uninstall", name, "--cascade", act.deletion_propagation, *_set(flags), _wait(release, act.disable_wait)]


def _waiting(release: HelmRelease, act: WaitingAct) -> list[str]:
    flags = {
        "--no-hooks": act.disable_hooks,
        "--wait-for-jobs": not act.disable_wait_for_jobs and not act.disable_wait,
    }
    return [_wait(release, act.disable_wait), *_set(flags)]


def _wait(release: HelmRelease, not_at_all: bool) -> str:
    if not_at_all:
        return "--wait=hookOnly"
    legacy = release.spec.wait_strategy is not None and release.spec.wait_strategy.name == "legacy"
    return "--wait=legacy" if legacy else "--wait=watcher"


def _set(flags: dict[str, bool]) -> Sequence[str]:
    return [flag for flag, wanted in flags.items() if wanted]


_ACTS = {
    Step.INSTALL: _install,
    Step.UPGRADE: _upgrade,
    Step.TEST: _test,
    Step.ROLLBACK: _rollback,
    Step.UNINSTALL: _uninstall,
}
