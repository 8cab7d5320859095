"""The faults one by one: what is done to a process, a connection or a clock, and how it is undone."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from lab.faults.proxies.weather import Effect, Rule, Weather
from lab.processes.child import Child

CLOCK_WRONG_S = 15.0
EFFECTS = {
    "api 429": Effect.TOO_MANY,
    "api 500": Effect.ERROR,
    "api hang": Effect.HANG,
    "api 409": Effect.CONFLICT,
    "api slow": Effect.SLOW,
    "api answer lost": Effect.LOSE_ANSWER,
    "metrics gone": Effect.CUT,
    "metrics slow": Effect.SLOW,
    "metrics empty": Effect.EMPTY,
    "metrics nan": Effect.NAN,
    "metrics stale": Effect.STALE,
}
"""Kind of fault → what the requests about one Canary meet."""
METRICS = {kind for kind in EFFECTS if kind.startswith("metrics")}
CUTS = {"api cut": Effect.CUT, "watches dropped": Effect.DROP_WATCHES, "watches held": Effect.HOLD_WATCHES}
SLOW_S = 2.5
SHARE = {Effect.CONFLICT: 0.6, Effect.LOSE_ANSWER: 0.5, Effect.ERROR: 0.8}
"""Not every request: a server in trouble lets some through, which is harder to live with than none."""


def rule_for(effect: Effect, canary: str) -> Rule:
    """The trouble of one Canary's requests."""
    return Rule(effect, lambda ask: ask.mentions(canary), SHARE.get(effect, 1.0), SLOW_S)


async def freeze(part: Child, seconds: float) -> None:
    """Stop a process and let it go on later, as a machine that was suspended would."""
    part.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        part.signal(signal.SIGCONT)


async def cut(weather: Weather, kind: str, client: str, seconds: float) -> None:
    """Trouble for all requests of one client; `api cut` for everybody's: what a restart of the API server looks like."""
    effect = CUTS[kind]
    rule = weather.begin(Rule(effect, lambda ask: effect is Effect.CUT or ask.client == client))
    await asyncio.sleep(seconds)
    weather.end(rule)


async def clock(file: Path, seconds: float) -> None:
    """Let a worker's clock jump, and jump back later."""
    _set(file, seconds)
    await asyncio.sleep(CLOCK_WRONG_S)
    _set(file, 0.0)


def _set(file: Path, seconds: float) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(str(seconds))
    draft.replace(file)
