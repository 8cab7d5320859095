"""How a HelmRelease wants each act of helm done: install, upgrade, test, rollback, uninstall, and what follows a failure.

Field names and defaults: Flux's helm-controller API, v2.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel

CRDsPolicy = Literal["", "Skip", "Create", "CreateReplace"]
ServerSide = Literal["", "enabled", "disabled", "auto"]
RETRY_INTERVAL = 300.0
"""Seconds before the next try of a release whose strategy is to retry."""


class Remediation(ForeignModel):
    """What follows a failed install or upgrade."""

    retries: int = 0
    """Tries after the first one; below 0 there is no end of them."""
    ignore_test_failures: bool | None = None
    remediate_last_failure: bool | None = None

    def exhausted(self, failures: int) -> bool:
        """Whether there is no try left after so many failures."""
        return 0 <= self.retries < failures


class UpgradeRemediation(Remediation):
    """What follows a failed upgrade."""

    strategy: Literal["rollback", "uninstall"] = "rollback"


class Strategy(ForeignModel):
    """Whether a failure is remedied, or the act just tried again."""

    name: Literal["RemediateOnFailure", "RetryOnFailure"]
    retry_interval: Duration = RETRY_INTERVAL

    @property
    def retries(self) -> bool:
        """Whether the act is tried again as it is."""
        return self.name == "RetryOnFailure"


class Act(ForeignModel):
    """What all acts have."""

    timeout: Duration | None = None
    """Seconds for each wait of the act; the release's own where it is not given."""
    disable_hooks: bool = False


class WaitingAct(Act):
    """An act that waits until the objects are ready."""

    disable_wait: bool = False
    disable_wait_for_jobs: bool = False


class ReleaseAct(WaitingAct):
    """What install and upgrade have in common."""

    strategy: Strategy | None = None
    disable_take_ownership: bool = False
    disable_openapi_validation: bool = Field(False, alias="disableOpenAPIValidation")
    disable_schema_validation: bool = False
    crds: CRDsPolicy = ""

    @property
    def crd_policy(self) -> str:
        """What happens to the chart's definitions: `Skip`, `Create` or `CreateReplace`."""
        return self.crds or "Create"


class Install(ReleaseAct):
    """How a release is installed."""

    reported: ClassVar[frozenset[str]] = frozenset({"skipCRDs"})
    remediation: Remediation = Remediation()
    replace: bool = False
    create_namespace: bool = False
    server_side_apply: bool | None = None


class Upgrade(ReleaseAct):
    """How a release is upgraded."""

    remediation: UpgradeRemediation = UpgradeRemediation()
    force: bool = False
    preserve_values: bool = False
    cleanup_on_fail: bool = False
    server_side_apply: ServerSide = ""
    chart_name_change_strategy: Literal["", "InPlaceUpdate", "Reinstall"] = ""


class Filter(ForeignModel):
    """A test to run, or to leave out."""

    name: str
    exclude: bool = False


class Test(ForeignModel):
    """Whether the chart's tests are run, and what their failure means."""

    __test__ = False
    enable: bool = False
    timeout: Duration | None = None
    ignore_failures: bool = False
    filters: tuple[Filter, ...] = ()

    def selects(self, name: str) -> bool:
        """Whether a test hook of this name is one of those that are run."""
        if any(one.exclude and one.name == name for one in self.filters):
            return False
        wanted = {one.name for one in self.filters if not one.exclude}
        return not wanted or name in wanted


class Rollback(WaitingAct):
    """How a release is brought back to the one before."""

    reported: ClassVar[frozenset[str]] = frozenset({"recreate"})
    force: bool = False
    cleanup_on_fail: bool = False
    server_side_apply: ServerSide = ""


class Uninstall(Act):
    """How a release is taken away."""

    keep_history: bool = False
    disable_wait: bool = False
    deletion_propagation: Literal["background", "foreground", "orphan"] = "background"
