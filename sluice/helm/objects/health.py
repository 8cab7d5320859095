"""Health of a release's objects by its user's own expressions, in the words that helm's wait understands.

The helm program reads an object's health by general rules (kstatus), and knows no expression. So it is shown what the
expression says of an object in the conditions that these rules go by: `Reconciling`, `Stalled`, or neither of them. All the
rest is helm's own: what it waits for, for how long, what comes after, and what it records where that fails. Of kinds that
Kubernetes itself has, its rules for the kind hold as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.errors import InvalidError
from sluice.helm.decision import Step
from sluice.manifests.flux.helm.acts import WaitingAct
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.kustomization import HealthCheckExpressions
from sluice.sync.health.base import Health, State, broken
from sluice.sync.kustomizations.health_checks import by_expressions

Object = dict[str, Any]
SAID = "HealthCheckExprs"
"""Reason of the conditions that helm is shown."""
TYPES = ("Ready", "Reconciling", "Stalled")


def expressions_of(release: HelmRelease, step: Step) -> tuple[HealthCheckExpressions, ...]:
    """The expressions that count in an act: one that waits, by the strategy `poller`."""
    spec = release.spec
    acts: dict[Step, WaitingAct] = {
        Step.INSTALL: spec.install,
        Step.UPGRADE: spec.upgrade,
        Step.ROLLBACK: spec.rollback,
    }
    act = acts.get(step)
    legacy = spec.wait_strategy is not None and spec.wait_strategy.name == "legacy"
    return () if act is None or act.disable_wait or legacy else spec.health_check_exprs


def as_shown(item: Object, kind: tuple[str, str], expressions: Iterable[HealthCheckExpressions]) -> Object:
    """An object as helm is shown it.

    Args:
        item: as the API server has it.
        kind: API version and kind, where the object itself does not say them.
        expressions: of the release; those of other kinds say nothing of it.
    """
    api_version, name = item.get("apiVersion") or kind[0], item.get("kind") or kind[1]
    own = next((one for one in expressions if (one.api_version, one.kind) == (api_version, name)), None)
    if own is None or "metadata" not in item or item["metadata"].get("deletionTimestamp"):
        return item
    status = item.get("status") or {}
    others = [one for one in status.get("conditions") or [] if one.get("type") not in TYPES]
    shown = {**status, "conditions": [*others, *_conditions(_health(item, own))]}
    if "generation" in item["metadata"]:
        shown["observedGeneration"] = item["metadata"]["generation"]
    return {**item, "status": shown}


def _health(item: Object, own: HealthCheckExpressions) -> Health:
    try:
        return by_expressions(item, own)
    except InvalidError as error:
        return broken(str(error))


def _conditions(health: Health) -> list[Object]:
    """What kstatus reads as this health."""
    said = {"status": "True", "reason": SAID, "message": health.why}
    match health.state:
        case State.CURRENT:
            return [{"type": "Ready", **said}]
        case State.FAILED:
            return [{"type": "Stalled", **said}]
        case _:
            return [{"type": "Reconciling", **said}]
