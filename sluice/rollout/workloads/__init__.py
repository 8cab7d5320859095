"""Workloads: what a release does with a target of each kind. A new kind is a file here and a row in this table."""

from __future__ import annotations

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.rollout.workloads.base import Workload
from sluice.rollout.workloads.daemonset import DAEMON_SET
from sluice.rollout.workloads.deployment import DEPLOYMENT

WORKLOADS: dict[str, Workload] = {row.kind: row for row in (DEPLOYMENT, DAEMON_SET)}
"""By `spec.targetRef.kind` of a Canary."""


def workload_of(canary: Canary) -> Workload:
    """The kind of a Canary's target, which its primary and its baseline have as well.

    Raises:
        InvalidError: sluice has no such kind.
    """
    try:
        return workload_named(canary.spec.target_ref)
    except InvalidError as error:
        raise InvalidError(f"{canary} is not valid: {error}") from None


def workload_named(target: ObjectReference) -> Workload:
    """The kind of workload that a `targetRef` names.

    Raises:
        InvalidError: sluice has no such kind.
    """
    known = WORKLOADS.get(target.kind)
    if known is None:
        raise InvalidError(f"spec.targetRef.kind is {target.kind!r}; use one of {', '.join(WORKLOADS)}")
    group = known.api_version.partition("/")[0]
    if target.api_version and target.api_version.partition("/")[0] != group:
        raise InvalidError(
            f"spec.targetRef.apiVersion is {target.api_version!r}; sluice knows the {target.kind} of {known.api_version}"
        )
    return known
