"""Services of a train that are released as sluice releases them, in a few writes each: what a train's laws are tried with.

Each hears what its train says as a rollout does, by `sluice.trains.holding.held`, and may fail at any point of its way.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from blocks.kubernetes.kinds import CANARY
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import Train
from sluice.trains.holding import Held, held
from tests.memory_cluster import MemoryCluster
from tests.trains_samples import TEAM, Object, car_manifest

STEPS = 2
NUMBERS = count()


@dataclass
class Service:
    """One service.

    Attributes:
        fails_at: where its release fails: "analysis", "waiting", "promotion"; empty for nowhere.
        called: whether an event asked for a rollout of it.
        passed: whether it has ever come to its promotion.
    """

    cluster: MemoryCluster
    name: str
    fails_at: str = ""
    called: bool = False
    passed: bool = False
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        manifest = car_manifest(self.name)
        manifest["metadata"]["uid"] = f"uid-{next(NUMBERS)}"  # what is known of an object is known by that
        self.cluster.add(manifest)

    @property
    def manifest(self) -> Object | None:
        return self.cluster.objects.get(("Canary", TEAM, self.name))

    @property
    def status(self) -> Object:
        return (self.manifest or {}).get("status", {})

    @property
    def users_meet(self) -> str:
        """The revision that the primary runs."""
        return str(self.status.get("lastPromotedSpec", ""))

    @property
    def under_way(self) -> bool:
        """Whether its canary has users."""
        return int(self.status.get("step", -1)) >= 0 and self.status["phase"] not in {"Succeeded", "Failed"}

    def heard(self) -> Held | None:
        items = [one for (kind, _, _), one in self.cluster.objects.items() if kind == "Train"]
        assert self.manifest
        return held(Train.valid(items), Canary.parse(self.manifest), time.time())

    def push(self, version: str) -> None:
        """Somebody pushes a newer version; its traffic goes home, and it begins anew."""
        if self.manifest and self.status["phase"] not in {"Promoting"}:
            begun = {"version": version, "targetRef": {"kind": "Deployment", "name": self.name}}
            self._write("Waiting", lastAppliedSpec=f"{self.name}-{version}", begunWith=begun, step=-1, gates=[])

    def suspend(self, wish: bool) -> None:
        if self.manifest:
            self.cluster.add({**self.manifest, "spec": {**self.manifest["spec"], "suspend": wish}})

    def delete(self) -> None:
        self.cluster.vanish(CANARY, self.name, TEAM)

    def turn(self, dice: random.Random) -> None:
        """One look, one decision, one act of its rollout."""
        if self.manifest is None:
            return
        heard, phase = self.heard(), self.status["phase"]
        suspended = bool(self.manifest["spec"].get("suspend"))
        if heard and heard.back_to and phase in {"Succeeded", "Waiting"}:
            if self.called or phase == "Waiting":
                self.said.append("taken back")
                self._write("Waiting", step=-1, lastPromotedSpec=heard.back_to)
        elif heard and heard.home and phase in {"Progressing", "WaitingPromotion"}:
            self.said.append("home")
            self._write("Waiting", step=-1, gates=[])
        elif phase in self._ways:
            self._ways[phase](heard, dice, suspended)

    def _waits(self, heard: Held | None, dice: random.Random, suspended: bool) -> None:
        if not suspended and not (heard and heard.rollout):
            self.said.append("begins")
            self._write("Progressing", step=0)

    def _passed(self, heard: Held | None, dice: random.Random, suspended: bool) -> None:
        if self.fails_at == "waiting" and dice.random() < 0.3:
            self._fail("judged bad while it waited")
        elif not (heard and heard.promotion) and not suspended:
            self._promote()

    def _promotes(self, heard: Held | None, dice: random.Random, suspended: bool) -> None:
        if self.fails_at == "promotion":
            self._fail("the primary did not come up")
        else:
            self._write("Finalising", lastPromotedSpec=self.status["lastAppliedSpec"])

    def _finalises(self, heard: Held | None, dice: random.Random, suspended: bool) -> None:
        self._write("Succeeded", step=-1, gates=[])

    @property
    def _ways(self) -> dict[str, Any]:
        return {
            "Waiting": self._waits,
            "Progressing": self._analysed,
            "WaitingPromotion": self._passed,
            "Promoting": self._promotes,
            "Finalising": self._finalises,
        }

    def _analysed(self, heard: Held | None, dice: random.Random, suspended: bool) -> None:
        step = int(self.status["step"])
        if self.fails_at == "analysis" and dice.random() < 0.5:
            self._fail("success rate 60 %")
        elif suspended:
            return
        elif step < STEPS:
            self._write("Progressing", step=step + 1)
        else:
            self.passed = True
            if heard and heard.promotion:
                self._write("WaitingPromotion", gates=[waiting(heard.train)])
            else:
                self._promote()

    def _promote(self) -> None:
        self.said.append("promotes")
        self._write("Promoting")

    def _fail(self, why: str) -> None:
        self.said.append("fails")
        self._write("Failed", step=-1, gates=[], conditions=[{"type": "Promoted", "status": "False", "message": why}])

    def _write(self, phase: str, **status: Any) -> None:
        assert self.manifest
        self.cluster.add({**self.manifest, "status": {**self.status, "phase": phase, **status}})


def waiting(train: str) -> Object:
    """What the journal of a release says that waits for its train alone."""
    return {"gate": f"Train {train}", "point": "confirm-promotion", "kept": {"alone": True}}
