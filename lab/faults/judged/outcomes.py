"""What Prefect has recorded, held against what the cluster shows: every accepted event has exactly one outcome."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from lab.faults.judged.cases import Case, Key
from lab.faults.judged.evidence import Violation
from lab.faults.judged.history import History
from lab.faults.plan import SET_BY_HAND
from lab.faults.proxies.proxy import Write

FINAL = {"COMPLETED", "CANCELLED", "FAILED", "CRASHED"}
WITHIN_S = 45.0
"""Seconds after the end of all rollouts within which their runs have to be final; Prefect's rows come late."""
LOOK_S = 1.0
PAGE = 200


@dataclass(frozen=True, slots=True)
class Run:
    """One flow run as Prefect has it."""

    flow: str
    parameters: dict[str, Any]
    state: str
    name: str
    said: str
    ident: str


class Runs:
    """Prefect's flow runs, by its REST API."""

    def __init__(self, api: str) -> None:
        self._api = api

    async def since(self, began: float) -> list[Run]:
        """Every run that was made from then on."""
        created = {"expected_start_time": {"after_": datetime.fromtimestamp(began).astimezone().isoformat()}}
        found: list[Run] = []
        async with httpx.AsyncClient(base_url=self._api, trust_env=False, timeout=15) as http:
            names = {one["id"]: one["name"] for one in (await http.post("/flows/filter", json={})).json()}
            while True:
                asked = {"flow_runs": created, "limit": PAGE, "offset": len(found), "sort": "ID_DESC"}
                page = (await http.post("/flow_runs/filter", json=asked)).json()
                found += [_run(one, names) for one in page]
                if len(page) < PAGE:
                    return found

    async def settled(self, began: float) -> list[Run]:
        """The runs once all of them are final, or when that takes too long."""
        end = time.time() + WITHIN_S
        while True:
            try:
                found = await self.since(began)
                if all(run.state in FINAL for run in found if _counts(run)) or time.time() > end:
                    return found
            except (httpx.HTTPError, ValueError, KeyError):
                if time.time() > end:
                    raise
            await asyncio.sleep(LOOK_S)


def _counts(run: Run) -> bool:
    return run.flow in {"roll_out", "deliver_image"}


def _run(one: dict[str, Any], names: dict[str, str]) -> Run:
    flow, said = names.get(one["flow_id"], ""), str((one.get("state") or {}).get("message") or "")
    return Run(flow, one["parameters"] or {}, one["state_type"] or "", one["state_name"] or "", said, one["id"])


def rollouts_are_recorded(history: History, case: Case, runs: Sequence[Run]) -> Iterator[Violation]:
    """As many promotions and rollbacks are recorded as the cluster has seen, and no run is left without an end."""
    law = "every event has one outcome"
    mine = [run for run in runs if _about(run) == case.key]
    for run in mine:
        if run.state != "COMPLETED" and run.name != "Rolled back" and not _by_people(run, case):
            yield Violation(
                law, case.app, f"run {run.ident} of {run.parameters.get('version')} is {run.name}: {run.said}"
            )
    recorded = Counter(run.name for run in mine)
    promoted, failed = _seen(history, case)
    first = 1 if case.release.story == "first" else 0
    superseded = recorded["Superseded"] + recorded["Reverted"] if len(case.tags) > 1 else 0
    if (
        not promoted - first - superseded <= recorded["Promoted"] <= promoted - first
        or recorded["Initialised"] != first
    ):
        yield Violation(law, case.app, f"the cluster has seen {promoted} promotions, recorded is {dict(recorded)}")
    # One that people suspended after its target had moved on goes home, and its run says that it is suspended.
    suspended = recorded["Suspended"] if case.hit_by({"suspend"}) and len(case.tags) > 1 else 0
    if not failed - suspended <= recorded["Rolled back"] <= failed:
        yield Violation(law, case.app, f"the cluster has seen {failed} rollbacks, recorded is {dict(recorded)}")


def runs_act_on_their_own_canary(writes: Sequence[Write], runs: Sequence[Run]) -> Iterator[Violation]:
    """No run writes what belongs to another Canary, be it one of the same name in another namespace."""
    about = {run.ident: _about(run) for run in runs if run.flow == "roll_out"}
    for write in writes:
        own = about.get(write.run, write.act.key)
        if write.accepted and own != write.act.key:
            said = f"a run of {'/'.join(own)} did {write.act.what} to {'/'.join(write.act.key)}"
            yield Violation("runs act on their own Canary", write.act.canary, said, write.done)


def _about(run: Run) -> Key:
    """The Canary of a run of the flow roll_out; nobody for any other."""
    if run.flow != "roll_out":
        return "", ""
    return str(run.parameters.get("namespace")), str(run.parameters.get("canary"))


def _by_people(run: Run, case: Case) -> bool:
    """Whether a run failed for what people did: they said so themselves, or made the Canary invalid."""
    set_by_force = case.hit_by({"fail run"}) and run.said == SET_BY_HAND
    return set_by_force or (case.hit_by({"edit wrongly"}) and "is not valid" in run.said)


def _seen(history: History, case: Case) -> tuple[int, int]:
    """How many promotions and rollbacks the observer saw in a case."""
    before = history.at("canaries", case.app, case.since)
    promoted = failed = 0
    for moment in history.of("canaries", case.app, case.since):
        now = moment.facts
        if now and now["promoted"] != before.get("promoted", ""):
            promoted += 1
        if now and now["phase"] == "Failed" and before.get("phase") != "Failed":
            failed += 1
        before = now
    return promoted, failed
