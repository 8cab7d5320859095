"""The status of a HelmRelease, as Flux writes it: the releases that were made of it, and what was attempted last."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.manifests.conditions import Condition
from sluice.manifests.flux.kustomization import Inventory
from sluice.manifests.meta import ForeignModel

SNAPSHOT_VERSION = "v2"
"""The way in which a snapshot's digest is made; Flux's since it uses Helm 4."""
MOST_SNAPSHOTS = 5
KEPT = frozenset({"deployed", "superseded"})
"""States of a release that can be returned to."""


class TestHookStatus(ForeignModel):
    """How a test of the chart went."""

    __test__ = False
    last_started: str | None = None
    last_completed: str | None = None
    phase: str = ""


class Snapshot(ForeignModel):
    """A release in helm's storage, as it was after our last act on it."""

    api_version: str = ""
    digest: str
    """Of the stored release: another one was changed by somebody else."""
    name: str
    namespace: str
    version: int
    status: str
    action: str = ""
    chart_name: str
    chart_version: str
    app_version: str = ""
    config_digest: str
    first_deployed: str | None = None
    last_deployed: str | None = None
    deleted: str | None = None
    test_hooks: dict[str, TestHookStatus | None] | None = None
    """None where the tests were not run; empty where there are none to run."""
    oci_digest: str = ""

    @property
    def full_name(self) -> str:
        """`namespace/name.v3`."""
        return f"{self.namespace}/{self.name}.v{self.version}"

    @property
    def chart(self) -> str:
        """`shop@1.2.0`."""
        return f"{self.chart_name}@{self.chart_version}"

    @property
    def tested(self) -> bool:
        """Whether the tests came to an end: all succeeded, or one failed."""
        if self.test_hooks is None:
            return False
        return self.tests_failed or all(
            one is not None and one.phase == "Succeeded" for one in self.test_hooks.values()
        )

    @property
    def tests_failed(self) -> bool:
        """Whether a test failed."""
        return any(one is not None and one.phase == "Failed" for one in (self.test_hooks or {}).values())


class HelmReleaseStatus(ForeignModel):
    """What was made of a HelmRelease."""

    observed_generation: int = 0
    observed_post_renderers_digest: str = ""
    observed_common_metadata_digest: str = ""
    last_attempted_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    helm_chart: str = ""
    """`namespace/name` of the HelmChart that was made for it."""
    storage_namespace: str = ""
    history: tuple[Snapshot, ...] = ()
    inventory: Inventory | None = None
    last_attempted_release_action: str = ""
    last_attempted_release_action_duration: str | None = None
    failures: int = 0
    install_failures: int = 0
    upgrade_failures: int = 0
    last_attempted_revision: str = ""
    last_attempted_revision_digest: str = ""
    last_attempted_config_digest: str = ""
    last_handled_reconcile_at: str = ""
    last_handled_force_at: str = ""
    last_handled_reset_at: str = ""

    @property
    def latest(self) -> Snapshot | None:
        """The release of the last act."""
        return self.history[0] if self.history else None


def newest_first(history: Iterable[Snapshot]) -> tuple[Snapshot, ...]:
    """Snapshots in the order of the status."""
    return tuple(sorted(history, key=lambda one: -one.version))


def previous(history: tuple[Snapshot, ...], ignore_tests: bool) -> Snapshot | None:
    """The newest release before the latest that can be returned to; one whose tests failed only where that is ignored."""
    rest = newest_first(history)[1:]
    return next((one for one in rest if one.status in KEPT and (ignore_tests or not one.tests_failed)), None)


def truncated(history: tuple[Snapshot, ...], ignore_tests: bool) -> tuple[Snapshot, ...]:
    """The history down to the release that can be returned to; the newest five where there is none."""
    ordered = newest_first(history)
    back = previous(ordered, ignore_tests)
    return ordered[: ordered.index(back) + 1] if back else ordered[:MOST_SNAPSHOTS]
