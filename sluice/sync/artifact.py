"""What a fetch writes into the status of a source, in Flux's words: the artifact, and why there is none.

What was fetched before stays in the status while a newer revision cannot be had: that is what runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sluice.errors import InvalidError, SluiceError, TransientError, UnverifiedError
from sluice.manifests.conditions import READY, RECONCILING, Condition, find_condition, reported, rfc3339, with_condition
from sluice.manifests.flux.kustomization import REQUESTED_AT
from sluice.manifests.flux.outcome import Body, observed
from sluice.manifests.flux.source import SourceManifest
from sluice.manifests.meta import ObjectMeta

STORED, FAILED, VERIFIED, STALLED = "ArtifactInStorage", "FetchFailed", "SourceVerified", "Stalled"
INCLUDE = "IncludeUnavailable"
SUCCEEDED, RETRY = "Succeeded", "ProgressingWithRetry"
_ABNORMAL = (FAILED, STALLED, RECONCILING, INCLUDE, "ArtifactOutdated", "StorageOperationFailed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What was fetched.

    Attributes:
        revision: in Flux's form.
        digest: of all files.
        size: bytes of all files.
        metadata: what the source's owner says of it.
        verified: whose signature it has; empty where nobody asked.
        looked: when the look began that found it, by the clock of `time.monotonic`; None for the one just now.
        observed: more fields of the status, of this kind of source: what was looked at to come to this.
    """

    revision: str
    digest: str
    size: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    verified: str = ""
    looked: float | None = None
    observed: Mapping[str, Any] = field(default_factory=dict)


def stored(source: SourceManifest, fetch: Fetch, now: datetime) -> Body | None:
    """The status of a source that was fetched; None where it says so already."""
    said = f"stored artifact for revision '{fetch.revision}'"
    wanted = [
        Condition(type=READY, status="True", reason=SUCCEEDED, message=said),
        Condition(type=STORED, status="True", reason=SUCCEEDED, message=said),
    ]
    if fetch.verified:
        wanted.append(Condition(type=VERIFIED, status="True", reason=SUCCEEDED, message=fetch.verified))
    gone = _ABNORMAL if fetch.verified else (*_ABNORMAL, VERIFIED)
    old = source.status.artifact
    new = (fetch.revision, fetch.digest)
    if old and (old.revision, old.digest) == new and _says(source, wanted, gone) and _answered(source):
        return None
    since = old.last_update_time if old and (old.revision, old.digest) == new else rfc3339(now)
    kind, digest = source.kind.lower(), fetch.digest.rpartition(":")[2]
    artifact = {
        "revision": fetch.revision,
        "digest": fetch.digest,
        "lastUpdateTime": since,
        "path": f"{kind}/{source.namespace}/{source.name}/{digest}",
        "url": source.address,
        "size": fetch.size,
        "metadata": dict(fetch.metadata) or None,
    }
    status = {"artifact": artifact, "observedIgnore": source.spec.ignore, **fetch.observed}
    return {"status": status | _outcome(source, wanted, gone, now)}


def failed(source: SourceManifest, error: SluiceError, now: datetime) -> Body | None:
    """The status of a source that cannot be fetched; None where it says so already."""
    why = str(error)
    if isinstance(error, UnverifiedError):
        wanted = [Condition(type=VERIFIED, status="False", reason=error.reason, message=why)]
        gone: tuple[str, ...] = (FAILED, RECONCILING, STALLED)
        reason = error.reason
    else:
        reason = source.failed
        wanted = [Condition(type=FAILED, status="True", reason=reason, message=why)]
        if isinstance(error, InvalidError):
            wanted.append(Condition(type=STALLED, status="True", reason=reason, message=why))
        if isinstance(error, TransientError):
            wanted.append(Condition(type=RECONCILING, status="True", reason=RETRY, message=why))
        gone = tuple(one for one in (STALLED, RECONCILING) if one not in {each.type for each in wanted})
    wanted.insert(0, Condition(type=READY, status="False", reason=reason, message=why))
    if _says(source, wanted, gone) and _answered(source):
        return None
    return {"status": _outcome(source, wanted, gone, now)}


def requested(source: SourceManifest) -> str:
    """When somebody last asked for a look at a source, as they wrote it; empty where nobody did."""
    return requested_of(source.metadata)


def requested_of(meta: ObjectMeta) -> str:
    """When somebody last asked for a look at an object, as they wrote it; empty where nobody did."""
    return meta.annotations.get(REQUESTED_AT, "")


def _answered(source: SourceManifest) -> bool:
    return requested(source) in {"", source.status.last_handled_reconcile_at}


def _says(source: SourceManifest, wanted: Iterable[Condition], gone: Iterable[str]) -> bool:
    """Whether the status says all of this already, of the manifest as it is."""
    now = source.status.conditions
    old = {one.type: find_condition(now, one.type) for one in wanted}
    same = all((was := old[one.type]) and (was.status, was.message) == (one.status, one.message) for one in wanted)
    return same and not any(find_condition(now, one) for one in gone) and observed(source)


def _outcome(source: SourceManifest, wanted: Iterable[Condition], gone: Iterable[str], now: datetime) -> Body:
    generation = source.metadata.generation
    kept: Iterable[Condition] = [one for one in source.status.conditions if one.type not in set(gone)]
    for one in wanted:
        kept = with_condition(kept, one.model_copy(update={"observed_generation": generation}), now)
    written = reported(kept, source.spec.unsupported("spec"), generation, now)
    body: Body = {"observedGeneration": generation, "conditions": [one.model_dump(by_alias=True) for one in written]}
    return body | ({"lastHandledReconcileAt": requested(source)} if requested(source) else {})
