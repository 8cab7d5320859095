"""What people do to a release's objects in the middle of it, with a client of their own that meets no fault.

A new habit of people is a function, and a row here and in the plan.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from lab.api.client import Api, Refused
from lab.api.paths import path, path_of
from lab.faults.applications.base import CANARY, PRIMARY
from lab.faults.judged.cases import Case
from lab.faults.plan import SET_BY_HAND

Object = dict[str, Any]
log = logging.getLogger("lab.faults")
ASK_S = 10.0
GATED = "faults/gated"


@dataclass(frozen=True, slots=True)
class Hands:
    """People with `kubectl` and a browser.

    Attributes:
        prefect: the address of the installation's Prefect API.
    """

    api: Api
    namespace: str
    prefect: str

    async def do(self, kind: str, case: Case) -> None:
        """Do it. What is not there cannot be done, and is left."""
        await self._try(HANDS[kind].do, case)

    async def undo(self, kind: str, case: Case) -> None:
        """Put right what is only for a while."""
        if HANDS[kind].undo is not None:
            await self._try(HANDS[kind].undo, case)

    async def _try(self, act: Act | None, case: Case) -> None:
        if act is None:
            return
        try:
            await act(self, case)
        except Refused as refused:
            if refused.status not in {404, 409, 422}:
                raise
        except httpx.TransportError:
            log.info("nobody answers: what people wanted to do to %s is left", case.app)

    def canary(self, case: Case) -> str:
        return path("canaries", self.namespace, case.app)

    def workload(self, case: Case, side: str = "") -> str:
        return case.shape.workload.path(self.namespace, f"{case.app}-{side}" if side else case.app)

    def autoscaler(self, case: Case) -> str:
        assert case.shape.autoscaler is not None  # noqa: S101
        return case.shape.autoscaler.path(self.namespace, case.app)

    def route(self, case: Case) -> str:
        return case.shape.route.path(self.namespace, case.app)

    def service(self, case: Case, side: str) -> str:
        meta = {"name": f"{case.app}-{side}", "namespace": self.namespace}
        return path_of({"apiVersion": "v1", "kind": "Service", "metadata": meta})


Act = Callable[[Hands, Case], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Hand:
    """One habit, and how it is put right where it is only for a while."""

    do: Act
    undo: Act | None = None


def _spec(change: Object) -> Act:
    return lambda people, case: people.api.patch(people.canary(case), {"spec": change})


def _delete_service(side: str) -> Act:
    return lambda people, case: people.api.delete(people.service(case, side))


def _scale(side: str, pods: int) -> Act:
    return lambda people, case: people.api.patch(people.workload(case, side), {"spec": {"replicas": pods}})


async def _edit_primary(people: Hands, case: Case) -> None:
    note = {"metadata": {"annotations": {"faults/by-hand": "yes"}}}
    await people.api.patch(people.workload(case, PRIMARY), {"spec": {"template": note}})


async def _edit_back(people: Hands, case: Case) -> None:
    weights = sorted(case.shape.strategy.shares) or None
    await people.api.patch(people.canary(case), {"spec": {"analysis": {"stepWeights": weights}}})


async def _fail_run(people: Hands, case: Case) -> None:
    """Set the state of the release's run by force, as somebody does who takes it for stuck."""
    async with httpx.AsyncClient(base_url=people.prefect, timeout=ASK_S, trust_env=False) as http:
        wanted = {"name": {"like_": f"roll_out {case.app}."}, "state": {"type": {"any_": ["RUNNING"]}}}
        runs = (await http.post("/flow_runs/filter", json={"flow_runs": wanted})).json()
        state = {"type": "FAILED", "name": "Failed", "message": SET_BY_HAND}
        mine = [run for run in runs if run["parameters"].get("namespace") == people.namespace]
        for run in mine:
            await http.post(f"/flow_runs/{run['id']}/set_state", json={"state": state, "force": True})


def _autoscale(side: str, pods: int) -> Act:
    """As the cluster's autoscaler does: through `/scale`, by the version that was read, and never from zero."""

    async def scale(people: Hands, case: Case) -> None:
        place = f"{people.workload(case, side)}/scale"
        now = await people.api.get(place)
        if now["spec"].get("replicas"):
            fence = {"resourceVersion": now["metadata"]["resourceVersion"]}
            await people.api.patch(place, {"metadata": fence, "spec": {"replicas": pods}})

    return scale


def _least(pods: int) -> Act:
    return lambda people, case: people.api.patch(people.autoscaler(case), {"spec": {"minReplicas": pods}})


def _gate(people: Hands, case: Case) -> Object:
    """A Gate for this Canary alone, that asks for approval before its pods and before its promotion."""
    return {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Gate",
        "metadata": {"name": f"{case.app}-people", "namespace": people.namespace},
        "spec": {
            "canaries": {"matchLabels": {GATED: case.app}},
            "at": ["confirm-rollout", "confirm-promotion"],
            "approval": {},
        },
    }


async def _close_gate(people: Hands, case: Case) -> None:
    await people.api.patch(people.canary(case), {"metadata": {"labels": {GATED: case.app}}})
    await people.api.create(_gate(people, case))


def _ask(act: str) -> Act:
    """Ask something of the release under way, by a record as `sluice pause` makes it."""

    async def ask(people: Hands, case: Case) -> None:
        status = (await people.api.get(people.canary(case))).get("status") or {}
        record = {
            "apiVersion": "sluice.dev/v1alpha1",
            "kind": "AuditRecord",
            "metadata": {
                "name": f"{case.app}-{act}-{uuid4().hex[:8]}",
                "namespace": people.namespace,
                "labels": {"sluice.dev/asks": "true"},
            },
            "spec": {"act": act, "by": "people", "canary": case.app, "revision": status.get("lastAppliedSpec", "")},
        }
        await people.api.create(record)

    return ask


HANDS: dict[str, Hand] = {
    "delete route": Hand(lambda people, case: people.api.delete(people.route(case))),
    "delete canary service": Hand(_delete_service(CANARY)),
    "delete primary service": Hand(_delete_service(PRIMARY)),
    "delete primary": Hand(lambda people, case: people.api.delete(people.workload(case, PRIMARY))),
    "edit primary": Hand(_edit_primary),
    "scale primary": Hand(_scale(PRIMARY, 2), _scale(PRIMARY, 1)),
    "scale target": Hand(_scale("", 3)),
    "suspend": Hand(_spec({"suspend": True}), _spec({"suspend": None})),
    "close gate": Hand(_close_gate, lambda people, case: people.api.delete(path_of(_gate(people, case)))),
    "ask for a pause": Hand(_ask("pause"), _ask("resume")),
    "loosen threshold": Hand(_spec({"analysis": {"threshold": 3}}), _spec({"analysis": {"threshold": 2}})),
    "edit wrongly": Hand(_spec({"analysis": {"stepWeights": [70, 30]}}), _edit_back),
    "fail run": Hand(_fail_run),
    "autoscale target": Hand(_autoscale("", 3), _autoscale("", 1)),
    "autoscale primary": Hand(_autoscale(PRIMARY, 3), _autoscale(PRIMARY, 1)),
    "raise least pods": Hand(_least(2), _least(1)),
}
"""Every habit by its name."""
