"""deliver_image: an image was pushed; bring it into git if a policy wants it."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended
from tasks.choose_image import choose_image
from tasks.post_events import post_events
from tasks.write_back import write_back


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"deliver_image {str(asked.get('image')).rpartition('/')[2]}:{asked.get('tag')}"


@flow(name="deliver_image", flow_run_name=_run_name, persist_result=False)
async def deliver_image(image: str, tag: str, digest: str) -> State[str]:
    """Deliver a pushed image.

    Args:
        image: repository with its registry, without tag.
        tag: what was pushed.
        digest: `sha256:…` of what was pushed.

    Returns:
        What became of it: delivered with the commit, ignored or refused with the reason.
    """
    choice = await choose_image(image, tag, digest)
    if not choice.wanted:
        return ended("ignored", choice.reason)
    if choice.digest != digest:
        why = f"{tag} names {choice.digest} by now, not {digest}; that push has a delivery of its own"
        return ended("refused", why)
    written = await write_back(choice.wanted)
    if not written:
        return ended("ignored", "no ImageUpdateAutomation writes this image; add one beside the ImagePolicy")
    await post_events([one.event for one in written])
    changed = [one for one in written if one.files]
    if not changed:
        return ended("unchanged", "git had it already")
    return ended("delivered", "; ".join(f"{one.event.commit[:12]} changed {', '.join(one.files)}" for one in changed))
