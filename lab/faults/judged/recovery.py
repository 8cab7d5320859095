"""How long rollouts stand still because of a worker that was killed: until somebody writes for them again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from lab.faults.judged.cases import Case
from lab.faults.proxies.proxy import Proxy

LOOK_S = 0.3
IN_THE_AIR_S = 0.05
GIVES_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """One rollout that went on.

    Attributes:
        same: whether the killed worker itself went on, in its next life; else another one did.
        from_fault: seconds from the kill.
        from_start: seconds from the start of the killed worker's next life; below 0: it was still away.
        from_ready: seconds from when that life said that it works; below 0: it went on before.
    """

    kind: str
    canary: str
    same: bool
    from_fault: float
    from_start: float
    from_ready: float


async def recovered(
    kind: str,
    cases: Sequence[Case],
    proxies: Sequence[Proxy],
    victims: Sequence[str],
    times: tuple[float, float, float],
) -> list[Recovery]:
    """Wait until each rollout has gone on or has ended; one that does not go on is the laws' business.

    Args:
        victims: the workers that were killed.
        times: when they were killed, when they were started again, and when they were ready.
    """
    struck, _, ready = times
    found = []
    waiting = {case.key: case for case in cases}
    while waiting and time.time() < ready + GIVES_UP_S:
        for proxy in proxies:
            for write in proxy.writes:
                key = write.act.key
                if key in waiting and write.accepted and write.at > struck + IN_THE_AIR_S:
                    del waiting[key]
                    since = [write.at - instant for instant in times]
                    found.append(Recovery(kind, write.act.canary, write.client in victims, *since))
        waiting = {key: case for key, case in waiting.items() if case.under_way}
        await asyncio.sleep(LOOK_S)
    return found
