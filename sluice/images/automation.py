"""What a run of an ImageUpdateAutomation leaves in its status, in Flux's words and with Flux's reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sluice.images.reference import ImageRef
from sluice.manifests.conditions import READY, Condition, rfc3339
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.flux.outcome import Body, outcome
from sluice.manifests.meta import REQUESTED_AT

SUCCEEDED = "Succeeded"
GIT_FAILED = "GitOperationFailed"
"""Git, its server or the way to it refused or did not answer."""
UPDATE_FAILED = "UpdateFailed"
"""Something in the repository cannot be edited."""
SOURCE_WRONG = "InvalidSourceConfiguration"
"""The manifest, or what it refers to, has to be put right."""
PROPOSAL_FAILED = "PullRequestFailed"
"""It is pushed, and the forge made no pull request of it."""
UP_TO_DATE = "repository up-to-date"


def pushed(
    automation: ImageUpdateAutomation,
    now: datetime,
    *,
    base: str,
    branch: str,
    commit: str,
    images: Mapping[str, ImageRef],
    unsupported: Sequence[str] = (),
    more: str = "",
    proposal: str = "",
    whole: bool = True,
) -> Body:
    """The status after a run that ended well.

    Args:
        automation: as it was read.
        now: the moment, with a time zone.
        base: the revision that the run started from, `main@sha1:…`.
        branch: that was pushed to.
        commit: that was pushed; empty where git had everything already.
        images: `namespace:policy` → what was to be written.
        unsupported: what of the manifest could not be done, apart from fields that nobody knows.
        more: what else people should know.
        proposal: why no pull request was made, where one was to be.
        whole: whether `images` are those of all policies, not only of those that a push was about.
    """
    said = (f"pushed commit '{commit[:7]}' to branch '{branch}'" if commit else UP_TO_DATE) + more
    ready = Condition(type=READY, status="True", reason=SUCCEEDED, message=said)
    if proposal:
        ready = Condition(type=READY, status="False", reason=PROPOSAL_FAILED, message=f"{said}; {proposal}")
    same = branch == base.partition("@")[0]
    body: Body = {
        **_ran(automation, now),
        **outcome(automation, ready, now, also=unsupported),
        "observedPolicies": {
            **(_gone(automation, images) if whole else {}),
            **{key.partition(":")[2]: _observed(image) for key, image in images.items()},
        },
        "observedSourceRevision": f"{branch}@sha1:{commit}" if commit and same else base,
    }
    return {"status": body | ({"lastPushCommit": commit, "lastPushTime": rfc3339(now)} if commit else {})}


def failed(automation: ImageUpdateAutomation, now: datetime, reason: str, why: str) -> Body:
    """The status after a run that could not write: it is tried again at the interval."""
    ready = Condition(type=READY, status="False", reason=reason, message=why)
    return {"status": {**_ran(automation, now), **outcome(automation, ready, now)}}


def asked_again(automation: ImageUpdateAutomation) -> bool:
    """Whether somebody asks for a run by annotation, as `flux reconcile` does, or has changed the manifest."""
    asked = automation.metadata.annotations.get(REQUESTED_AT, "")
    new = automation.status.observed_generation != automation.metadata.generation
    return new or (bool(asked) and asked != automation.status.last_handled_reconcile_at)


def _ran(automation: ImageUpdateAutomation, now: datetime) -> Body:
    asked = automation.metadata.annotations.get(REQUESTED_AT, "")
    return {"lastAutomationRunTime": rfc3339(now)} | ({"lastHandledReconcileAt": asked} if asked else {})


def _observed(image: ImageRef) -> dict[str, str | None]:
    # A merge patch would leave the digest that the policy had before.
    return {"name": image.name, "tag": image.tag or None, "digest": image.digest or None}


def _gone(automation: ImageUpdateAutomation, images: Mapping[str, ImageRef]) -> dict[str, None]:
    names = {key.partition(":")[2] for key in images}
    return {name: None for name in automation.status.observed_policies if name not in names}
