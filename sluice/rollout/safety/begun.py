"""The names that a release was begun by: its traffic goes home by them, whatever becomes of the Canary's spec meanwhile."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sluice.errors import InvalidError
from sluice.faults import faults
from sluice.manifests.flagger.canary import Canary, CanaryAnalysis, CanaryService, CanarySpec
from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.flagger.canary_status import BegunWith, CanaryStatus
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.meta import ObjectMeta

Object = dict[str, Any]
OPENING = "begunWith"
"""What an entry of the journal has in its status that opens a release."""


def begun_with(canary: Canary, version: str, heard: int = 0) -> Object:
    """What the journal keeps of the spec when a release begins, what people call its revision, and what they had said."""
    service = canary.spec.service.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {
        "version": version,
        "heard": heard,
        "provider": canary.spec.provider,
        "targetRef": canary.spec.target_ref.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "service": {**service, "name": canary.service_name},
    }


def check_kept(wanted: Object, kept: Object) -> None:
    """Refuse to begin a release whose journal the API server does not keep: it prunes what a kind's definition lacks.

    Only at the start, when no user is at the canary: what brings a release home is written whatever becomes of it.

    Args:
        wanted: the status that was written.
        kept: the status as the API server has it since.

    Raises:
        InvalidError: names what is lost, and the way out.
    """
    lost = sorted(name for name, value in wanted.items() if value is not None and name not in kept)
    if lost and OPENING in wanted:
        group = Canary.api_version.partition("/")[0]
        raise InvalidError(
            f"the CustomResourceDefinition {Canary.plural}.{group} of this cluster drops "
            f"{', '.join(f'status.{name}' for name in lost)}: it is Flagger's own, or an older one. Replace it with "
            "sluice's, which takes Flagger's manifests as well: "
            "sluice crds | kubectl apply --server-side --force-conflicts -f -"
        )


def renamed(canary: Canary) -> str:
    """Which of the names of a release under way have changed since it was begun, as a reason; empty where none has."""
    kept = _kept(canary.status)
    if kept is None:
        return ""
    now, then = canary.spec.target_ref, kept.target_ref
    changed = [
        field
        for field, same in (
            ("provider", canary.spec.provider == kept.provider),
            ("targetRef", (now.kind, now.name) == (then.kind, then.name)),
            # Where the manifest does not name it, it is the target's.
            ("service.name", kept.service.get("name") in {canary.service_name, canary.spec.service.name or then.name}),
        )
        if not same
    ]
    if not changed:
        return ""
    return f"spec.{' and spec.'.join(changed)} changed in the middle of the release: change it between releases"


def as_begun(canary: Canary) -> Canary:
    """The Canary with the names that its release was begun by."""
    kept = _kept(canary.status)
    if kept is None:
        return canary
    service = canary.spec.service.model_copy(update={"name": kept.service.get("name", canary.service_name)})
    names = {"provider": kept.provider, "target_ref": kept.target_ref, "service": service}
    return canary.model_copy(update={"spec": canary.spec.model_copy(update=names)})


def salvaged(item: Object) -> Canary:
    """What is needed to bring a release home, from a Canary that is not valid any more: nothing of steps and metrics.

    Raises:
        InvalidError: not even that can be read.
    """
    spec = item.get("spec") or {}
    try:
        status = CanaryStatus.model_validate(item.get("status") or {})
        kept = status.begun_with
        target = kept.target_ref if kept else ObjectReference.model_validate(spec.get("targetRef"))
        found = CanarySpec.model_construct(
            provider=kept.provider if kept else str(spec.get("provider") or ""),
            target_ref=target,
            service=_service(spec.get("service"), kept),
            analysis=_analysis(spec.get("analysis")),
            skip_analysis=spec.get("skipAnalysis") is True,
            revert_on_deletion=spec.get("revertOnDeletion") is True,
        )
        return Canary.model_construct(metadata=ObjectMeta.model_validate(item["metadata"]), spec=found, status=status)
    except ValidationError as error:
        raise InvalidError(f"Canary {item['metadata'].get('name', '?')} cannot be read: {faults(error)}") from error


def salvageable(item: Object) -> bool:
    """Whether a release of this Canary is under way, so that there is something to bring home."""
    phase = (item.get("status") or {}).get("phase")
    return phase in set(Phase) and Phase(phase).in_progress and Phase(phase) is not Phase.INITIALIZING


def _kept(status: CanaryStatus) -> BegunWith | None:
    return status.begun_with if status.phase is not None and status.phase.in_progress else None


def _service(raw: Any, kept: BegunWith | None) -> CanaryService:
    name = {"name": kept.service["name"]} if kept and "name" in kept.service else {}
    try:
        return CanaryService.model_validate({**raw, **name} if isinstance(raw, dict) else raw)
    except ValidationError:
        if kept is None:
            raise
        return CanaryService.model_validate(kept.service)


def _analysis(raw: Any) -> CanaryAnalysis | None:
    """Only whether there is a baseline, whose part of the traffic has to go home as well."""
    if not isinstance(raw, dict):
        return None
    compared = AnalysisComparison() if raw.get("comparison") is not None else None
    return CanaryAnalysis.model_construct(comparison=compared)
