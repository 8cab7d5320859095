"""The gate of examples/gate, installed: its row, and when it is open."""

from __future__ import annotations

import asyncio
from datetime import datetime, tzinfo
from typing import Any

import calendar_gate
import httpx

from blocks.gates.table import Gates
from deployments.installed import all_gates
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.samples import canary


def webhook(**metadata: str) -> CanaryWebhook:
    return CanaryWebhook(name="calendar", type="confirm-rollout", url="calendar://", metadata=metadata)


async def main() -> None:
    async with httpx.AsyncClient() as http:
        installed = await Gates(http, all_gates()).ask(webhook(), canary())
        assert (installed.gate, installed.open) == ("calendar", True)

        async def at(moment: str, **metadata: str) -> Any:
            def now(zone: tzinfo) -> datetime:
                return datetime.fromisoformat(moment).astimezone(zone)

            return await calendar_gate.CalendarGate(http, now).ask(webhook(**metadata), canary())

        closed = {"closed": "Fri 15:00-24:00, Sat, Sun", "zone": "Europe/Berlin"}
        # 2026-11-27 is a Friday; Berlin is an hour ahead of UTC.
        for moment, is_open in {
            "2026-11-26T23:59:00+00:00": True,
            "2026-11-27T13:59:00+00:00": True,
            "2026-11-27T14:00:00+00:00": False,
            "2026-11-28T09:00:00+00:00": False,
            "2026-11-29T22:59:00+00:00": False,
            "2026-11-29T23:00:00+00:00": True,
        }.items():
            answer = await at(moment, **closed)
            assert answer.open is is_open, (moment, answer)
        friday = "2026-11-27T14:30:00+00:00"
        assert (await at(friday, **closed)).said == "closed on Fri 15:00-24:00; it is Fri 15:30 CET"
        for metadata, named in (
            ({"closed": "Friday"}, "metadata.closed: 'Friday'"),
            ({"zone": "Atlantis"}, "Atlantis"),
        ):
            answer = await at(friday, **metadata)
            assert not answer.open
            assert named in answer.said


if __name__ == "__main__":
    asyncio.run(main())
