"""A cluster in memory in which people live: Services offer pods, owners take what they own with them, kinds are defaulted.

`MemoryCluster` has what sluice writes; a town has what the cluster and its people make of it as well, so that
what users meet can be read from it at any moment.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Kind
from sluice.rollout.objects import MANAGED_BY
from tests.memory_cluster import KINDS, MemoryCluster
from tests.memory_workloads import CONTROLLERS

Object = dict[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"


@dataclass
class Town(MemoryCluster):
    """A cluster with the controllers that stand between what is written and what users meet.

    Attributes:
        defaults: what the API server adds to each container that it stores, as a newer one does after an upgrade.
        orphaned: whether what was owned by a deleted object is still there: garbage collection takes its time.
    """

    defaults: Object = field(default_factory=dict)
    orphaned: bool = False
    _settling: bool = False

    def _store(self, wanted: Object) -> Object:
        if self.defaults and wanted["kind"] in CONTROLLERS:
            for container in wanted["spec"]["template"]["spec"]["containers"]:
                for key, value in self.defaults.items():
                    container.setdefault(key, value)
        stored = super()._store(wanted)
        self.settle()
        return stored

    def vanish(self, kind: Kind, name: str, namespace: str) -> None:
        super().vanish(kind, name, namespace)
        if kind.kind in CONTROLLERS:
            for pod in self.pods(name, namespace):
                self.objects.pop(self._key(pod))
        self.orphaned = True
        self.settle()

    def upgrade(self, defaults: Object) -> None:
        """The API server is a newer one from now on: it defaults fields that the older one did not know."""
        self.defaults = defaults
        for (kind, _, _), item in list(self.objects.items()):
            if kind in CONTROLLERS:
                self._store(copy.deepcopy(item))

    def settle(self) -> None:
        """The endpoints' controller: what each Service offers follows its selector and the pods."""
        if self._settling:
            return
        self._settling = True
        try:
            for (kind, namespace, name), service in list(self.objects.items()):
                if kind == "Service":
                    self._offer(service, name, namespace)
            for key in [key for key in self.objects if key[0] == "EndpointSlice"]:
                if ("Service", *key[1:]) not in self.objects:
                    super().vanish(KINDS["EndpointSlice"], key[2], key[1])
        finally:
            self._settling = False

    def _offer(self, service: Object, name: str, namespace: str) -> None:
        labels = {**(service["metadata"].get("labels") or {}), SERVICE_NAME: name}
        endpoints = [{"addresses": [pod["status"]["podIP"]]} for pod in self.behind(name, namespace)]
        old = self.objects.get(("EndpointSlice", namespace, name))
        if old is None or (old["endpoints"], old["metadata"]["labels"]) != (endpoints, labels):
            meta = {"name": name, "namespace": namespace, "labels": labels}
            super()._store({"kind": "EndpointSlice", "metadata": meta, "endpoints": endpoints})

    def behind(self, service: str, namespace: str) -> list[Object]:
        """The ready pods behind a Service; none where it does not exist."""
        found = self.objects.get(("Service", namespace, service))
        selector = (found or {}).get("spec", {}).get("selector") or {}
        return [
            pod
            for (kind, space, _), pod in self.objects.items()
            if (kind, space) == ("Pod", namespace)
            and selector
            and selector.items() <= pod["metadata"]["labels"].items()
            and pod["status"]["conditions"][0]["status"] == "True"
        ]

    def collect(self) -> None:
        """The garbage collector: what belongs to an object that is gone goes too."""
        living = {item["metadata"].get("uid") for item in self.objects.values()}
        lost = [
            (kind, namespace, name)
            for (kind, namespace, name), item in self.objects.items()
            if kind in KINDS
            and any(owner["uid"] not in living for owner in item["metadata"].get("ownerReferences") or [])
        ]
        for kind, namespace, name in lost:
            self.vanish(KINDS[kind], name, namespace)
        self.orphaned = False


def stranger(kind: str, name: str, namespace: str, spec: Object | None = None) -> Object:
    """An object of somebody else's, with an owner that is there as long as it is."""
    owner = {
        "apiVersion": "example.test/v1",
        "kind": "Shop",
        "name": "elsewhere",
        "uid": "uid-elsewhere",
        "controller": True,
    }
    return {
        "apiVersion": KINDS[kind].api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}, "ownerReferences": [owner]},
        "spec": spec or {},
    }


__all__ = ["MANAGED_BY", "Town", "stranger"]
