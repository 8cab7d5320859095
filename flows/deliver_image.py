"""deliver_image: an image was pushed; bring it into git if a policy wants it."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from tasks.choose_image import choose_image
from tasks.post_events import post_events
from tasks.write_back import write_back


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"deliver_image {str(asked.get('image')).rpartition('/')[2]}:{asked.get('tag')}"


@flow(name="deliver_image", flow_run_name=_run_name, persist_result=False)
async def deliver_image(image: str, tag: str, digest: str) -> str:
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
        return f"ignored: {choice.reason}"
    if choice.digest != digest:
        return f"refused: {tag} names {choice.digest} by now, not {digest}; that push has a delivery of its own"
    written = await write_back(choice.wanted)
    if not written:
        return "ignored: no ImageUpdateAutomation writes this image; add one beside the ImagePolicy"
    await post_events([one.event for one in written])
    return "; ".join(
        f"delivered: {one.event.commit[:12]} changed {', '.join(one.files)}" if one.files else "git had it already"
        for one in written
    )
