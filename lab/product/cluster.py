"""The few things the demo does to the cluster: apply manifests, change an image as a person would, read a Canary."""

import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from lab.api.access import Access
from lab.api.blocking import BlockingApi
from lab.api.client import STRATEGIC, Api, Refused
from lab.api.paths import path, path_of
from lab.errors import LabError
from lab.product.site import replaced
from lab.progress import say

MANAGER = "lab-demo"
MARK = "sluice.dev/demo"
"""Label of the namespace that the demo made."""
POLL_S = 0.25
Object = Mapping[str, Any]
T = TypeVar("T")


class ProductCluster:
    """The cluster, for the namespace of the application; each act has a connection of its own, so none is left open."""

    def __init__(self, kubeconfig: Path, context: str | None, namespace: str) -> None:
        self._access = Access.of_context(kubeconfig, context)
        self._namespace = namespace

    def _do(self, act: Callable[[Api], Coroutine[Any, Any, T]]) -> T:
        with BlockingApi(self._access) as here:
            return here.do(act(here.api))

    def apply_kinds(self, text: str, within_s: float, *, keep_others: bool = False) -> None:
        """Apply custom resource definitions and wait until the API serves them.

        Args:
            keep_others: leave those alone that somebody else has installed.

        Raises:
            LabError: it does not.
        """
        definitions = list(yaml.safe_load_all(text))
        if keep_others:
            definitions = [one for one in definitions if not self._has_of_others(one)]
        self._apply(definitions)
        self._do(lambda api: _established(api, definitions, within_s))

    def _has_of_others(self, definition: Object) -> bool:
        found = self._do(lambda api: api.find(path_of(definition)))
        managers = {one.get("manager") for one in (found or {}).get("metadata", {}).get("managedFields", ())}
        if found is None or MANAGER in managers:
            return False
        say(f"kept as it is: {definition['metadata']['name']}, which somebody else has installed")
        return True

    def refuse_others(self) -> None:
        """See that the namespace is the demo's, which deletes what it finds there.

        Raises:
            LabError: it is somebody else's.
        """
        found = self._do(lambda api: api.find(path("namespaces", name=self._namespace)))
        if found and MARK not in found["metadata"].get("labels", {}):
            raise LabError(
                f"the namespace {self._namespace} of this cluster is not the demo's, which would delete what is in it: "
                f"delete it yourself, or say that it may go by `kubectl label namespace {self._namespace} {MARK}=true`"
            )

    def apply(self, folder: Path, values: Mapping[str, str]) -> None:
        """Apply every manifest in a folder, with words of it replaced, the namespace first."""
        documents = [
            document
            for file in sorted(folder.glob("*.yaml"))
            for document in yaml.safe_load_all(replaced(file.read_text(), values))
        ]
        self._apply(sorted(documents, key=lambda one: one["kind"] != "Namespace"))

    def _apply(self, documents: Sequence[Object]) -> None:
        self._do(lambda api: _apply_all(api, documents))

    def apply_documents(self, documents: Sequence[Object]) -> None:
        """Apply manifests, namespaces first."""
        self._apply(sorted(documents, key=lambda one: one["kind"] != "Namespace"))

    def remove_documents(self, documents: Sequence[Object]) -> None:
        """Delete what manifests describe; nothing happens where it is not there."""
        self._do(lambda api: _delete_all(api, documents))

    def remove(self, where: str) -> None:
        """Delete one object, as a person by mistake; `where` is its path."""
        self._do(lambda api: api.delete(where))

    def wait_for(self, plural: str, name: str, condition: str, within_s: float) -> None:
        """Wait until an object has a condition.

        Raises:
            LabError: it took too long.
        """
        self._do(lambda api: api.wait_for(path(plural, self._namespace, name), condition, within_s))

    def remove_namespace(self, within_s: float) -> None:
        """Delete the application's namespace and wait until nothing of it is left.

        Raises:
            LabError: something in it does not go.
        """
        where = path("namespaces", name=self._namespace)
        with contextlib.suppress(Refused):
            self._do(lambda api: api.delete(where))
        give_up = time.monotonic() + within_s
        while found := self._do(lambda api: api.find(where)):
            if time.monotonic() > give_up:
                raise LabError(f"namespace {self._namespace} does not go: {found['status'].get('conditions')}")
            time.sleep(POLL_S)

    def canary(self, name: str) -> Object:
        """The Canary as it stands; empty when there is none yet."""
        return self._do(lambda api: api.find(path("canaries", self._namespace, name))) or {}

    def find(self, plural: str, name: str) -> Object:
        """An object of the namespace; empty where there is none."""
        return self._do(lambda api: api.find(path(plural, self._namespace, name))) or {}

    def image(self, name: str) -> str:
        """The image a Deployment asks for."""
        found = self._do(lambda api: api.get(path("deployments", self._namespace, name)))
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def ready(self, plural: str, name: str) -> str:
        """What an object says of itself in its condition Ready; empty where it says nothing yet."""
        found = self._do(lambda api: api.find(path(plural, self._namespace, name))) or {}
        conditions = found.get("status", {}).get("conditions", [])
        return next((f"{one['status']}: {one.get('message', '')}" for one in conditions if one["type"] == "Ready"), "")

    def set_image(self, name: str, image: str) -> None:
        """What ``kubectl set image`` does."""
        change = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}
        where = path("deployments", self._namespace, name)
        self._do(lambda api: api.patch(where, change, STRATEGIC, "kubectl-set"))


async def _established(api: Api, definitions: Sequence[Object], within_s: float) -> None:
    for definition in definitions:
        await api.wait_for(path_of(definition), "Established", within_s)


async def _apply_all(api: Api, documents: Sequence[Object]) -> None:
    for document in documents:
        await api.apply(document, MANAGER)


async def _delete_all(api: Api, documents: Sequence[Object]) -> None:
    for document in documents:
        await api.delete(path_of(document))


def phase(canary: Object) -> str:
    """The phase a Canary says it is in."""
    return str(canary.get("status", {}).get("phase", ""))


def reason(canary: Object) -> str:
    """Why a Canary is in the phase it is in, in its own words."""
    conditions = canary.get("status", {}).get("conditions", [])
    return next((str(one.get("message", "")) for one in conditions if one["type"] == "Promoted"), "")
