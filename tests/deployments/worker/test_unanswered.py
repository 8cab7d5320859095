"""Every accepted event has one outcome: what Prefect took and forgot is started by reconciliation, once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from blocks.prefect.api import PrefectEvents
from sluice.events.model import ImagePushed
from tasks.upkeep import find_unanswered as task
from tests.deployments.conftest import DELIVER, PATIENCE, Runtime


@pytest.mark.lab
async def test_an_event_that_started_nothing_is_answered_once(sut: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a server that was killed right after it said yes: here, the automation was off while the event came."""
    monkeypatch.setattr(task, "TIME_TO_ANSWER", timedelta(0))
    monkeypatch.setattr(task, "PREFIX", "sluice.image")
    (automation,) = await sut.client.read_automations_by_name(DELIVER.automation)
    lost = ImagePushed(delivery=f"lost-{sut.settings.work_pool}", image="registry/lost", tag="1", digest="sha256:0")
    async with sut.worker(), PrefectEvents(sut.settings.api_url) as api:
        await sut.client.pause_automation(automation.id)
        try:
            await asyncio.sleep(1)  # the server learns of it by an event of its own
            await api.post([lost])
            async with asyncio.timeout(PATIENCE):
                while not await api._stored([lost.id]):
                    await asyncio.sleep(0.1)
            assert await task.find_unanswered.fn(60.0) == [], "what somebody switched off stays off"
        finally:
            await sut.client.resume_automation(automation.id)
        assert await task.find_unanswered.fn(60.0)
        assert await task.find_unanswered.fn(60.0) == []
        await sut.until(lambda: sut.notes(image="registry/lost"))
        later = lost.model_copy(update={"delivery": f"later-{sut.settings.work_pool}", "image": "registry/later"})
        await api.post([later])
        await sut.until(lambda: sut.notes(image="registry/later"))
        async with asyncio.timeout(PATIENCE):  # its answer is stored after its run began
            while await task.find_unanswered.fn(60.0):
                await asyncio.sleep(0.2)
    assert len(sut.notes(image="registry/lost")) == 1
    assert len(sut.notes(image="registry/later")) == 1
