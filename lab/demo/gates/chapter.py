"""One good release on its way through a freeze, an end-to-end suite, and an approval: each holds it, and lets it go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from lab.demo.flags.meanwhile import Meanwhile
from lab.errors import LabError
from lab.product.application import NAME, NAMESPACE
from lab.product.deliveries import Measurements, Release
from lab.product.measure import PROMOTED
from lab.progress import say
from sluice.gates.asking import Request, record_of
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act

GATED = Release(6, "good", "good, through a freeze, a suite and an approval", PROMOTED)
FREEZE_S, WITHIN_S, POLL_S = 15.0, 120.0, 0.1
REASON = "the sale of the demo"
SUITE, APPROVAL = "e2e", "four-eyes"
Object = dict[str, Any]


@dataclass(frozen=True)
class Gates:
    """The objects of the chapter.

    Attributes:
        gate_url: of the service that runs the suite.
    """

    measurements: Measurements
    gate_url: str

    def release(self, found: dict[str, Any]) -> None:
        """Freeze, make the Gates, push, and say when what held it let it go; `found` gets what came of it.

        Raises:
            LabError: it does not wait where it should, or does not end.
        """
        until = time.time() + FREEZE_S
        objects = [self._freeze(until), self._suite(), self._approval()]
        self.measurements.cluster.apply_documents(objects)
        version = self.measurements.application.version(GATED.minor)
        say(f"pushing {NAME}:{version} ({GATED.meaning})")
        person = Meanwhile(self._approve, "the person who approves")
        try:
            done = self.measurements.deliver(GATED)
            held, asked, approved = person.result(POLL_S)
        finally:
            self.measurements.cluster.remove_documents(objects)
        promoted = next((at for at, weight in done["stages"]["weights"] if weight == 100), None)
        found |= {
            **done,
            "frozen": held,
            "suite_starts": self._starts(),
            "thawed_after_s": round(until - done["pushed_at"], 2),
            "asked_after_s": round(asked - done["pushed_at"], 2),
            "approved_after_s": round(approved - done["pushed_at"], 2),
            "approval_to_promotion_s": None if promoted is None else round(done["pushed_at"] + promoted - approved, 2),
        }
        say(f"  frozen: {held}")
        say(f"  the suite was started {found['suite_starts']} time(s), {found['asked_after_s']} s after the push")
        say(f"  approved after {found['approved_after_s']} s, users on it {found['approval_to_promotion_s']} s later")

    def _approve(self) -> tuple[str, float, float]:
        """What the Canary says while it is frozen, when it asks for approval, and when somebody gave it."""
        held = self._until(REASON)
        self._until("waits for approval")
        asked = time.time()
        canary = Canary.parse(dict(self.measurements.cluster.canary(NAME)))
        request = Request(Act.APPROVE, "alice")
        record = record_of(request, canary, f"{NAMESPACE}/{APPROVAL}", "", uuid4().hex)
        self.measurements.cluster.apply_documents([record])
        return held, asked, time.time()

    def _until(self, words: str) -> str:
        """Wait until the Canary says something with these words; all of what it says."""
        give_up = time.monotonic() + WITHIN_S
        while words not in (said := _said(self.measurements.cluster.canary(NAME))):
            if time.monotonic() > give_up:
                raise LabError(f"the Canary has not said {words!r} for {WITHIN_S:.0f} s: {said}")
            time.sleep(POLL_S)
        return said

    def _starts(self) -> int:
        calls = httpx.get(f"{self.gate_url}/-/calls", timeout=10, trust_env=False).json()
        return len([one for one in calls if one["path"] == "suites"])

    def _freeze(self, until: float) -> Object:
        end = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        return _object("Freeze", "sale", {"until": end, "reason": REASON, "by": "carol"})

    def _suite(self) -> Object:
        suite = {"webhook": {"url": f"{self.gate_url}/suites"}, "timeout": "5m"}
        return _object("Gate", SUITE, {"at": ["pre-rollout"], "suite": suite})

    def _approval(self) -> Object:
        return _object("Gate", APPROVAL, {"at": ["confirm-promotion"], "approval": {"people": ["alice"]}})


def went_through(found: Mapping[str, Any]) -> bool:
    """Whether all that was to hold the release did, and let it go: no user had it while it was frozen, and one suite ran."""
    first = found.get("push_to_first_traffic_s")
    if first is None or found["verdict"] != PROMOTED:
        return False
    in_time = first >= found["thawed_after_s"] - 1 and found["suite_starts"] == 1
    return bool(in_time and found["failed_requests"] == 0 and found["approval_to_promotion_s"] is not None)


def _object(kind: str, name: str, spec: Object) -> Object:
    meta = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "sluice.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def _said(canary: Mapping[str, Any]) -> str:
    conditions: list[Object] = (canary.get("status") or {}).get("conditions") or []
    return "; ".join(str(one.get("message")) for one in conditions if one.get("type") == "Promoted")
