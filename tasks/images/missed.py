"""A push that nothing came of: what a policy wants by now is not what it chose last."""

from __future__ import annotations

from sluice.events.model import ImagePushed
from sluice.images.reference import ImageRef
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy

WINDOW = 300.0
"""Seconds within which one miss is one event, however often and by whomever it is found. The next window is another event:
nothing may have come of the first, because a registry gave a list of tags that was older than its notification."""


def is_news(policy: ImagePolicy, latest: ImageRef) -> bool:
    """Whether the policy has not chosen this image yet.

    Args:
        policy: as it was read.
        latest: what it wants; its digest is what the tag names now, empty where nobody asked.
    """
    known = policy.status.latest_ref
    if known is None or (known.name, known.tag) != (latest.name, latest.tag):
        return True
    follows = policy.spec.digest_reflection_policy is DigestPolicy.ALWAYS
    return follows and latest.digest not in ("", known.digest)


def missed(policy: ImagePolicy, latest: ImageRef, now: float) -> ImagePushed:
    """The event of a push that was missed.

    Args:
        policy: as it was read.
        latest: what it wants, by tag and digest.
        now: seconds since the epoch.
    """
    meta = policy.metadata
    # The version is another one after each choice: the same image may be missed again after another one.
    choice = f"{meta.uid}/{meta.generation}/{meta.resource_version}/{int(now // WINDOW)}"
    return ImagePushed(
        delivery=f"{choice}/{latest.tag}@{latest.digest}", image=latest.name, tag=latest.tag, digest=latest.digest
    )
