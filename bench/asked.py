"""What people ask of a release, timed from the record to the users: an approval, and an abort."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab.product.application import NAME, NAMESPACE
from lab.product.cluster import phase
from lab.product.deliveries import Measurements
from sluice.gates.asking import Request, record_of
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act

GATE = "bench-approval"
WITHIN_S, POLL_S, LAST_S = 120.0, 0.02, 3.0
"""Seconds that a wait may last; between two looks; and after an abort in which users may still meet the version."""


@dataclass(frozen=True)
class Asked:
    """How long users waited for what somebody had asked, seconds.

    Attributes:
        approved: from each record of an approval to the first user of the new version.
        aborted: from each record of an abort to the last user of it.
    """

    approved: list[float]
    aborted: list[float]


def timed(measured: Measurements, minors: Iterator[int], times: int) -> Asked:
    """Good releases that wait for an approval when their pods are ready, and are aborted once users have met them."""
    gate = {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Gate",
        "metadata": {"name": GATE, "namespace": NAMESPACE},
        "spec": {"at": ["pre-rollout"], "approval": {}},
    }
    measured.cluster.apply_documents([gate])
    found = Asked([], [])
    try:
        for _ in range(times):
            version = measured.application.version(next(minors))
            measured.application.push(version, "good")
            _until(lambda: "waits for approval" in _said(measured), "a release that waits for approval")
            opened = _ask(measured, Act.APPROVE, f"{NAMESPACE}/{GATE}")
            _until(partial(_met, measured, version), f"users of {version}")
            found.approved.append(round(_met(measured, version)[0] - opened, 2))
            ended = _ask(measured, Act.ABORT)
            _until(lambda: phase(measured.cluster.canary(NAME)) == "Failed", "a release that went home")
            time.sleep(LAST_S)
            found.aborted.append(round(_met(measured, version)[-1] - ended, 2))
    finally:
        measured.cluster.remove_documents([gate])
    return found


def _ask(measured: Measurements, act: Act, gate: str = "") -> float:
    """Make a record as the command line does; returns when it was asked."""
    canary = Canary.parse(dict(measured.cluster.canary(NAME)))
    request = Request(act, "bench", through="cli", reason="it is measured")
    asked = time.time()
    measured.cluster.apply_documents([record_of(request, canary, gate, "", f"{asked}")])
    return asked


def _met(measured: Measurements, version: str) -> list[float]:
    """When users were answered by a version."""
    return sorted(one.answered for one in measured.users.read() if one.version == version)


def _said(measured: Measurements) -> str:
    conditions: list[dict[str, Any]] = (measured.cluster.canary(NAME).get("status") or {}).get("conditions") or []
    return " ".join(str(one.get("message")) for one in conditions)


def _until(done: Callable[[], object], what: str) -> None:
    end = time.monotonic() + WITHIN_S
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {WITHIN_S:g} s")
        time.sleep(POLL_S)
