"""A run that a person starts by hand in Prefect: the button *Run* of a deployment, with parameters of one's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from lab import ports
from lab.errors import LabError

OVER = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
WITHIN_S, POLL_S, ANSWER_S = 60.0, 0.25, 10


def run_by_hand(
    flow: str, parameters: Mapping[str, Any], check: Callable[[], None], *, login: tuple[str, str] | None
) -> str:
    """Start a run of the deployment that has its flow's name, wait for its end, and give what it said.

    Raises:
        LabError: it did not complete; the message is the run's own.
    """
    root = f"http://{ports.HOST}:{ports.PREFECT}/api"
    with httpx.Client(base_url=root, timeout=ANSWER_S, trust_env=False, auth=login) as prefect:
        deployment = _answer(prefect.get(f"/deployments/name/{flow}/{flow}"))["id"]
        asked = {"parameters": dict(parameters)}
        run = _answer(prefect.post(f"/deployments/{deployment}/create_flow_run", json=asked))["id"]
        give_up = time.monotonic() + WITHIN_S
        while (state := _answer(prefect.get(f"/flow_runs/{run}"))["state"] or {}).get("type") not in OVER:
            check()
            if time.monotonic() > give_up:
                raise LabError(f"{flow}, started by hand, is {state.get('name')} after {WITHIN_S:.0f} s")
            time.sleep(POLL_S)
    said = f"{state.get('name')}: {state.get('message')}"
    if state["type"] != "COMPLETED":
        raise LabError(f"{flow}, started by hand, ended as {said}")
    return said


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise LabError(
            f"Prefect answered {response.status_code} for {response.request.url.path}: {response.text[:200]}"
        )
    return dict(response.json())
