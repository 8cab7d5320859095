"""Where the application finds what is around it, in the lab or in a cluster of one's own, and its manifests for there."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import ports
from lab.parts.git import GIT_URL

CANARY = "canary.yaml"
Object = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """One cluster's surroundings.

    Attributes:
        name: of the application.
        registry: host:port from which nodes pull.
        repository: the URL of the application's git repository.
        gateway: name and namespace of the Gateway that its route asks for.
        gate_url: what is asked before a release; empty where nobody is.
    """

    name: str
    registry: str
    repository: str
    gateway: Mapping[str, str]
    gate_url: str = ""

    @classmethod
    def of(cls, env: Mapping[str, Any], name: str, repository: str) -> Site:
        """What env.json says."""
        return cls(name, env["registry"], repository, env["gateway"], env.get("gate_url", ""))

    def values(self) -> dict[str, str]:
        """Words of the lab in manifests, and those of this cluster."""
        return {
            f"{ports.HOST}:{ports.REGISTRY}/{self.name}": f"{self.registry}/{self.name}",
            f"{GIT_URL}/{self.name}.git": self.repository,
        }

    def canary(self, canary: Object) -> Object:
        """The Canary with this cluster's Gateway and gate."""
        it = deepcopy(canary)
        it["spec"]["service"]["gatewayRefs"] = [dict(self.gateway)]
        gates = it["spec"]["analysis"].pop("webhooks", [])
        if self.gate_url:
            lab = f"http://{ports.HOST}:{ports.GATE}"
            it["spec"]["analysis"]["webhooks"] = [
                one | {"url": one["url"].replace(lab, self.gate_url)} for one in gates
            ]
        return it

    def fit(self, folder: Path, values: Mapping[str, str]) -> None:
        """Make the manifests in a folder those of this cluster; `values` replaces words before."""
        for file in folder.glob("*.yaml"):
            file.write_text(replaced(file.read_text(), {**values, **self.values()}))
        canary = yaml.safe_load((folder / CANARY).read_text())
        (folder / CANARY).write_text(yaml.safe_dump(self.canary(canary), sort_keys=False))


def replaced(text: str, values: Mapping[str, str]) -> str:
    """A text with words of it replaced, one after the other."""
    for old, new in values.items():
        text = text.replace(old, new)
    return text
