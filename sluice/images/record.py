"""What deliveries write into the status of Flux's image objects, in Flux's words: the latest image, the last scan.

`kubectl get imagepolicy` shows from it what the policy wants, and tools that read Flux's status go on reading it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from sluice.images.reference import DOCKER_HUB, ImageRef, parse_repository
from sluice.manifests.conditions import READY, Condition, rfc3339
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy, LatestRef
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.outcome import Body, outcome, says

SUCCEEDED, FAILED = "Succeeded", "Failed"
ACCESS_DENIED, NOT_READY, INVALID = "AccessDenied", "DependencyNotReady", "InvalidPolicy"
BAD_IMAGE, REFUSED, UNREAD = "ImageURLInvalid", "AuthenticationFailed", "ReadOperationFailed"
SAMPLE = 10
"""Tags that the status of an ImageRepository shows."""
SHOWN = 600.0
"""Seconds after which the status shows the time of a look that found nothing new."""


def pinned(policy: ImagePolicy, digest: str, tag: str) -> str:
    """The digest by which the policy wants its latest tag named; empty for the tag alone.

    Args:
        policy: as it was read.
        digest: what the tag names now.
        tag: the latest.
    """
    wish, known = policy.spec.digest_reflection_policy, policy.status.latest_ref
    if wish is DigestPolicy.NEVER:
        return ""
    if wish is DigestPolicy.IF_NOT_PRESENT and known and known.tag == tag and known.digest:
        return known.digest
    return digest


def chosen(policy: ImagePolicy, latest: ImageRef | None, now: datetime) -> Body | None:
    """The status of a policy that wants `latest`; None where it says so already."""
    if latest is None:
        return wrong(policy, "no tag of the repository is wanted by this policy", now)
    known = policy.status.latest_ref
    same = known is not None and (known.name, known.tag) == (latest.name, latest.tag)
    if known is not None and same and not latest.digest and policy.spec.digest_reflection_policy != DigestPolicy.NEVER:
        # Nobody has asked for the digest this time: what is known of the same tag stays.
        latest = latest.model_copy(update={"digest": known.digest})
    unchanged = known is not None and same and known.digest == latest.digest
    before = policy.status.observed_previous_ref if unchanged else known
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=_resolved(latest, before))
    if unchanged and says(policy, ready) and not policy.requested:
        return None
    body: Body = {"latestRef": latest.model_dump()} | outcome(policy, ready, now) | _answered(policy)
    if known is not None and not unchanged:
        body["observedPreviousRef"] = known.model_dump(include={"name", "tag", "digest"})
    return {"status": body}


def wrong(
    one: ImagePolicy | ImageRepository | ImageUpdateAutomation, why: str, now: datetime, reason: str = FAILED
) -> Body | None:
    """The status of an object that could not be used; None where it says so already."""
    ready = Condition(type=READY, status="False", reason=reason, message=why)
    answered = {} if isinstance(one, ImageUpdateAutomation) else _answered(one)
    return None if says(one, ready) and not answered else {"status": outcome(one, ready, now) | answered}


def answered(policy: ImagePolicy) -> Body | None:
    """The status of a policy whose latest image is on its way to git: that it was asked, where it was."""
    body = _answered(policy)
    return {"status": body} if body else None


def scanned(repository: ImageRepository, tags: Sequence[str], now: datetime) -> Body | None:
    """The status of a repository that has these tags; None where it says so already, and not long ago."""
    revision = checksum(tags)
    found = f"successful scan: found {len(tags)} tags with checksum {revision}"
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=found)
    if says(repository, ready) and not repository.requested and not _old(repository, now):
        return None
    newest = sorted(tags, reverse=True)[:SAMPLE]
    scan = {"revision": revision, "tagCount": len(tags), "scanTime": rfc3339(now), "latestTags": newest}
    body = {
        "canonicalImageName": canonical(repository.spec.image),
        "lastScanResult": scan,
        "observedExclusionList": list(repository.spec.exclusions),
    }
    return {"status": body | outcome(repository, ready, now) | _answered(repository)}


def looked_at(repository: ImageRepository, now: datetime) -> Body | None:
    """The status of a repository whose tags are those of the last look; None where that is known, and not long ago."""
    last = repository.status.last_scan_result
    if last is None or not (repository.requested or _old(repository, now)):
        return None
    return {"status": {"lastScanResult": {"scanTime": rfc3339(now)}} | _answered(repository)}


def checksum(tags: Sequence[str]) -> str:
    """What tells one set of tags from another."""
    return hashlib.sha256("\n".join(sorted(tags)).encode()).hexdigest()[:16]


def canonical(image: str) -> str:
    """An image's name with all that it implies, as Flux writes it."""
    where = parse_repository(image)
    return f"{'index.docker.io' if where.registry == DOCKER_HUB else where.registry}/{where.path}"


def _resolved(latest: ImageRef, before: LatestRef | None) -> str:
    said = f"Latest image tag for {latest.name} resolved to {latest.tag}"
    said += f" with digest {latest.digest}" if latest.digest else ""
    if before is None or (before.name, before.tag, before.digest) == (latest.name, latest.tag, latest.digest):
        return said
    return f"{said} (previously {before.name}:{before.tag}{f'@{before.digest}' if before.digest else ''})"


def _answered(one: ImagePolicy | ImageRepository) -> Body:
    return {"lastHandledReconcileAt": one.requested} if one.requested else {}


def _old(repository: ImageRepository, now: datetime) -> bool:
    """Whether the status would show a look that was long ago. To write each one would cost a request each."""
    last = repository.status.last_scan_result
    try:
        seen = datetime.fromisoformat(last.scan_time) if last else None
    except ValueError:
        seen = None
    return seen is None or (now - seen).total_seconds() >= SHOWN
