"""What deliveries write into the status of Flux's image objects, in Flux's words: the latest image, the last scan.

`kubectl get imagepolicy` shows from it what the policy wants, and tools that read Flux's status go on reading it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sluice.images.reference import ImageRef
from sluice.manifests.conditions import READY, Condition, rfc3339
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.outcome import Body, outcome, says

SUCCEEDED, FAILED = "Succeeded", "Failed"
SAMPLE = 10
"""Tags that the status of an ImageRepository shows."""


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
    ready = Condition(
        type=READY,
        status="True",
        reason=SUCCEEDED,
        message=f"Latest image tag for {latest.name} resolved to {latest.tag}",
    )
    if known is not None and same and known.digest == latest.digest and says(policy, ready):
        return None
    body: Body = {"latestRef": latest.model_dump()} | outcome(policy, ready, now)
    if known is not None and not same:
        body["observedPreviousRef"] = known.model_dump(include={"name", "tag", "digest"})
    return {"status": body}


def wrong(one: ImagePolicy | ImageRepository | ImageUpdateAutomation, why: str, now: datetime) -> Body | None:
    """The status of an object that could not be used; None where it says so already."""
    ready = Condition(type=READY, status="False", reason=FAILED, message=why)
    return None if says(one, ready) else {"status": outcome(one, ready, now)}


def scanned(repository: ImageRepository, tags: Sequence[str], now: datetime) -> Body | None:
    """The status of a repository that has these tags; None where it says so already."""
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=f"successful scan: found {len(tags)} tags")
    if says(repository, ready):
        return None
    newest = sorted(tags, reverse=True)[:SAMPLE]
    scan = {"tagCount": len(tags), "scanTime": rfc3339(now), "latestTags": newest}
    return {"status": {"lastScanResult": scan} | outcome(repository, ready, now)}
