"""Steps in the middle of a release, for what is tested of their judging."""

from __future__ import annotations

import time
from typing import Any

from tests.samples import NAME, merged, success_rate
from tests.tasks.conftest import Stage, staged


def judged(spec: dict[str, Any] | None = None, began: float | None = None, **status: Any) -> Stage:
    """A step that is judged by its success rate, ten minutes long."""
    analysis = {"analysis": {"interval": "600s", "metrics": [success_rate(99)]}}
    started = time.time() if began is None else began
    stage = staged(merged(analysis, spec or {}), stepStarted=started, **status)
    stage.change("Canary", NAME, {"status": {"evidence": {"revision": stage.ref.revision, "since": time.time() - 5}}})
    return stage


def sure(spec: dict[str, Any]) -> Stage:
    """The same after 20 s without a fault: a thousand requests, which are as many as it takes."""
    stage = judged(spec, began=time.time() - 20)
    stage.change("Canary", NAME, {"status": {"evidence": {"since": time.time() - 20}}})
    return stage


def over(spec: dict[str, Any] | None = None, **status: Any) -> Stage:
    """The same at the end of its interval."""
    return judged(spec, began=time.time() - 601, **status)


def told(stage: Stage) -> list[str]:
    """The messages about a hold or a wait that are written into the Canary's status from now on, while its step goes on."""
    said: list[str] = []
    evidence = stage.status["evidence"]

    def note(when: str, verb: str, item: dict[str, Any]) -> None:
        status = item.get("status") or {}
        message = (status.get("conditions") or [{}])[0].get("message", "")
        if (
            when == "after"
            and (" is held at " in message or " waits at " in message)
            and status["evidence"] == evidence
        ):
            said.append(message)

    stage.cluster.hooks.append(note)
    return said
