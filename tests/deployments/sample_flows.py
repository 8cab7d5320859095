"""Flows for the tests of the runtime; they leave notes in the file that the parameter names."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from sluice.rollout.decision import Action
from tasks.people.tries import tries
from tasks.rollout.table import row_of
from tasks.run_signals import signals_for_current_run

NOTES = Path(os.environ.get("SAMPLE_NOTES", "notes.jsonl"))
ENOUGH: set[str] = set()
"""Names of holds that may end now; in a process of its own, all of them once there is a file `enough` beside the notes."""


def enough(name: str) -> bool:
    return name in ENOUGH or (NOTES.parent / "enough").exists()


def note(**facts: object) -> None:
    with NOTES.open("a") as file:
        file.write(json.dumps({"at": time.time(), "pid": os.getpid(), **facts}) + "\n")


@flow(name="sample_deliver", persist_result=False)
async def sample_deliver(image: str, tag: str, digest: str) -> None:
    row = row_of(Action.SHIFT)
    own = [one.name for one in row.before] if row else []
    note(flow="deliver", image=image, tag=tag, digest=digest, own=own)


@flow(name="sample_look", persist_result=False)
async def sample_look() -> None:
    note(flow="look")


@task(cache_policy=NO_CACHE, persist_result=False)
async def stay(name: str, paused: bool) -> bool:
    """Look around for half a second, or until something is asked; in a task as stages do. Says whether it is paused."""
    signals = signals_for_current_run()
    for _ in range(25):
        if enough(name) or signals.paused != paused:
            break
        await asyncio.sleep(0.02)
    return signals.paused


@flow(name="sample_hold", persist_result=False)
async def sample_hold(name: str, namespace: str = "", canary: str = "") -> None:
    """Stays until it is enough, and tells about everything that is asked of it."""
    signals = signals_for_current_run()
    note(name=name, event="started", paused=signals.paused, cancelled=signals.cancelled, tries=await tries())
    paused = signals.paused
    try:
        while not enough(name):
            now = await stay(name, paused)
            note(name=name, event="stayed")
            if now != paused:
                paused = now
                note(name=name, event="paused" if paused else "resumed")
    except asyncio.CancelledError:
        await asyncio.sleep(0.05)
        note(name=name, event="cleaned up", cancelled=signals.cancelled, leaving=signals.leaving)
        raise
    note(name=name, event="ended")


@flow(name="sample_source", persist_result=False)
async def sample_source(url: str, ref: str, commit: str) -> None:
    note(flow="source", url=url, ref=ref, commit=commit)
