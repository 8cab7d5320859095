"""The few things the demo does to the cluster: apply manifests, change an image as a person would, read a Canary."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from lab.errors import LabError

MANAGER = "lab-demo"
CALL_S = 30
POLL_S = 0.25
Object = Mapping[str, Any]


class DemoCluster:
    """One connection to the cluster, for the namespace of the application."""

    def __init__(self, kubeconfig: Path, context: str | None, namespace: str) -> None:
        self._api = config.new_client_from_config(str(kubeconfig), context=context)
        self._namespace = namespace
        self._dynamic = DynamicClient(self._api)

    def apply_kinds(self, text: str, within_s: float) -> None:
        """Apply custom resource definitions and wait until the API serves them.

        Raises:
            LabError: it does not.
        """
        definitions = list(yaml.safe_load_all(text))
        self._apply(definitions)
        give_up = time.monotonic() + within_s
        for name in (definition["metadata"]["name"] for definition in definitions):
            while not self._established(name):
                if time.monotonic() > give_up:
                    raise LabError(f"the API does not serve {name} after {within_s:.0f} s")
                time.sleep(POLL_S)

    def apply(self, folder: Path, values: Mapping[str, str]) -> None:
        """Apply every manifest in a folder, with words of it replaced, the namespace first."""
        documents = [
            document
            for file in sorted(folder.glob("*.yaml"))
            for document in yaml.safe_load_all(_replaced(file.read_text(), values))
        ]
        self._apply(sorted(documents, key=lambda one: one["kind"] != "Namespace"))

    def _apply(self, documents: Sequence[Object]) -> None:
        for document in documents:
            kind = self._dynamic.resources.get(api_version=document["apiVersion"], kind=document["kind"])
            kind.server_side_apply(
                body=document,
                name=document["metadata"]["name"],
                namespace=document["metadata"].get("namespace"),
                field_manager=MANAGER,
                force_conflicts=True,
                _request_timeout=CALL_S,
            )

    def _established(self, name: str) -> bool:
        kind = self._dynamic.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
        conditions = kind.get(name=name, _request_timeout=CALL_S).to_dict().get("status", {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    def remove_namespace(self, within_s: float) -> None:
        """Delete the application's namespace and wait until nothing of it is left.

        Raises:
            LabError: something in it does not go.
        """
        core = client.CoreV1Api(self._api)
        with contextlib.suppress(ApiException):
            core.delete_namespace(self._namespace, _request_timeout=CALL_S)
        give_up = time.monotonic() + within_s
        while True:
            try:
                found = core.read_namespace(self._namespace, _request_timeout=CALL_S)
            except ApiException as gone:
                if gone.status == 404:
                    return
                raise
            if time.monotonic() > give_up:
                raise LabError(f"namespace {self._namespace} does not go: {found.status.conditions}")
            time.sleep(POLL_S)

    def canary(self, name: str) -> Object:
        """The Canary as it stands; empty when there is none yet."""
        try:
            kind = self._dynamic.resources.get(api_version="flagger.app/v1beta1", kind="Canary")
            found = kind.get(name=name, namespace=self._namespace, _request_timeout=CALL_S)
        except NotFoundError:
            return {}
        return dict(found.to_dict())

    def image(self, name: str) -> str:
        """The image a Deployment asks for."""
        found = client.AppsV1Api(self._api).read_namespaced_deployment(name, self._namespace, _request_timeout=CALL_S)
        return str(found.spec.template.spec.containers[0].image)

    def set_image(self, name: str, image: str) -> None:
        """What ``kubectl set image`` does."""
        patch = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}
        client.AppsV1Api(self._api).patch_namespaced_deployment(
            name, self._namespace, patch, field_manager="kubectl-set", _request_timeout=CALL_S
        )


def phase(canary: Object) -> str:
    """The phase a Canary says it is in."""
    return str(canary.get("status", {}).get("phase", ""))


def reason(canary: Object) -> str:
    """Why a Canary is in the phase it is in, in its own words."""
    conditions = canary.get("status", {}).get("conditions", [])
    return next((str(one.get("message", "")) for one in conditions if one["type"] == "Promoted"), "")


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for old, new in values.items():
        text = text.replace(old, new)
    return text
