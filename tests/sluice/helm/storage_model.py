"""Helm's storage as a model: what each act leaves behind, whole or cut off in the middle."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from sluice.helm.decision import Decision, Step, Wanted
from sluice.helm.storage import StoredRelease
from sluice.manifests.flux.helm.release import HelmRelease

EPOCH = "2026-11-27T10:00:00Z"


@dataclass
class StorageModel:
    """The revisions of one release, the newest last."""

    name: str = "shop"
    documents: list[dict[str, Any]] = field(default_factory=list)
    moved: int = 0

    def found(self) -> list[StoredRelease]:
        """As sluice reads them."""
        return [StoredRelease(copy.deepcopy(one)) for one in reversed(self.documents)]

    @property
    def last(self) -> dict[str, Any]:
        """The newest revision."""
        return self.documents[-1]

    def begin(self, status: str, wanted: Wanted) -> None:
        """Helm writes the new revision before it acts."""
        self.documents.append(
            {
                "name": self.name,
                "info": {"first_deployed": EPOCH, "last_deployed": self._tick(), "status": status},
                "chart": {"metadata": {"name": wanted.chart_name, "version": wanted.chart_version}},
                "config": copy.deepcopy(wanted.values),
                "manifest": f"# {wanted.chart} {wanted.values}",
                "hooks": [{"name": "smoke", "events": ["test"], "last_run": {"phase": ""}}],
                "version": (self.last["version"] if self.documents else 0) + 1,
                "namespace": "apps",
            }
        )

    def end(self, status: str) -> None:
        """The act came to its end."""
        if status == "deployed":
            for one in self.documents[:-1]:
                if one["info"]["status"] == "deployed":
                    one["info"]["status"] = "superseded"
        self.last["info"] = {**self.last["info"], "status": status}

    def act(self, decision: Decision, release: HelmRelease, wanted: Wanted, fate: str) -> str:
        """One act of helm's: `good`, `bad`, `dies` in the middle, or `early`: it fails before anything is stored.

        Returns:
            What helm says went wrong.
        """
        if fate == "early":
            return "no such kind"
        if decision.step is Step.UNLOCK:
            self.last["info"] = {**self.last["info"], "status": "failed"}
            return ""
        if decision.step is Step.TEST:
            return self._test(fate)
        if decision.step is Step.UNINSTALL:
            if fate == "good":
                self.documents = []
            return "" if fate == "good" else "timed out"
        if decision.step is Step.ROLLBACK:
            target = next(one for one in self.documents if one["version"] == decision.version)
            meta = target["chart"]["metadata"]
            self.begin("pending-rollback", Wanted(meta["name"], meta["version"], values=target["config"]))
        else:
            self.begin(f"pending-{decision.step}", wanted)
        if fate == "dies":
            return "killed"
        self.end("deployed" if fate == "good" else "failed")
        return "" if fate == "good" else "timed out"

    def _test(self, fate: str) -> str:
        if fate == "dies":
            return "killed"
        self.last["hooks"][0]["last_run"] = {"phase": "Succeeded" if fate == "good" else "Failed"}
        return "" if fate == "good" else "a pod failed"

    def _tick(self) -> str:
        self.moved += 1
        return f"2026-11-27T10:{self.moved // 60 % 60:02d}:{self.moved % 60:02d}Z"
