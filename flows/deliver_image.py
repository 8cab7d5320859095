"""deliver_image: an image was pushed; bring it into git if a policy wants it."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended
from sluice.errors import TerminalError
from sluice.images.reference import ImageRef
from tasks.images.choose_image import Choice, choose_image
from tasks.images.write_back import Written, write_back
from tasks.sync.find_pushed_sources import find_pushed_sources
from tasks.upkeep.post_events import post_events


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"deliver_image {str(asked.get('image')).rpartition('/')[2]}:{asked.get('tag')}"


@flow(name="deliver_image", flow_run_name=_run_name, persist_result=False)
async def deliver_image(image: str, tag: str, digest: str) -> State[str]:
    """Deliver a pushed image.

    Args:
        image: repository with its registry, without tag.
        tag: what was pushed.
        digest: `sha256:…` of what was pushed; empty where the registry did not say, for what the tag names now.

    Returns:
        What became of it: delivered with the commit, ignored or refused with the reason.
    """
    # What it is to policies, and what it is to sources of manifests: one of them wrong does not keep the other from it.
    choice, sources = await asyncio.gather(
        choose_image(image, tag, digest),
        find_pushed_sources(image, tag, str(flow_run.id)),
        return_exceptions=True,
    )
    news = [] if isinstance(sources, BaseException) else sources
    if not isinstance(choice, BaseException):
        news = [*choice.missed, *news]
    if news:
        await post_events(news)
    for look in (choice, sources):
        if isinstance(look, BaseException):
            raise look
    if not choice.wanted:
        followed = ", ".join(event.url for event in sources)
        return ended("announced", f"{followed} is fetched") if followed else ended("ignored", choice.reason)
    if digest and choice.digest != digest:
        why = f"{tag} names {choice.digest} by now, not {digest}; that push has a delivery of its own"
        return ended("refused", why)
    return await _written(choice, image, tag, digest)


async def _written(choice: Choice, image: str, tag: str, digest: str) -> State[str]:
    """Write what is wanted into git, until nothing newer is wanted."""
    wanted = choice.wanted
    changed: list[Written] = []
    faults: list[str] = []
    while wanted:
        written = await write_back(wanted)
        if not written:
            return ended(
                "ignored", "no ImageUpdateAutomation writes this image; add one in the namespace of the ImagePolicy"
            )
        await post_events([one.event for one in written if one.event])
        faults += [one.fault for one in written if one.fault]
        news = [one for one in written if one.files]
        changed += news
        wanted = await _newer_than(choice, image, tag, digest) if news else {}
    commits = "; ".join(f"{one.event.commit[:12]} changed {', '.join(one.files)}" for one in changed if one.event)
    if faults:
        # Only now: one team's refused push does not stop the others' deliveries.
        raise TerminalError("; ".join([*([f"delivered: {commits}"] if commits else []), *faults]))
    return ended("delivered", commits) if changed else ended("unchanged", "git had it already")


async def _newer_than(choice: Choice, image: str, tag: str, digest: str) -> dict[str, ImageRef]:
    """What the policies want by now instead of what was just written.

    A newer image may have come between our look and our commit, and its delivery may have been the faster one: then our
    commit has undone it, and only this run knows.
    """
    newer = (await choose_image(image, tag, digest)).newer
    wanted: dict[str, ImageRef] = {}
    for newest in sorted({newer[policy] for policy in choice.wanted if policy in newer}):
        wanted |= (await choose_image(image, newest)).wanted
    return {policy: reference for policy, reference in wanted.items() if policy in choice.wanted}
