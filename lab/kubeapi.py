"""The few calls that the lab itself makes to its apiserver, over plain HTTP.

Bringing the cluster up needs a dozen server-side applies and a look at a node; a full client would take longer to
import than all of that takes to do.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import httpx

from lab.certificates import APISERVER_URL, Identities
from lab.errors import LabError

TIMEOUT_S = 15.0

PATHS = {
    "Namespace": "/api/v1/namespaces/{name}",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}",
    "GatewayClass": "/apis/gateway.networking.k8s.io/v1/gatewayclasses/{name}",
    "Gateway": "/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/gateways/{name}",
}


class KubeApi:
    """A connection to the lab's apiserver, as its administrator."""

    def __init__(self, identities: Identities, meanwhile: Callable[[], None]) -> None:
        """`meanwhile` is called again and again while waiting; it may raise to end the wait."""
        self._meanwhile = meanwhile
        certificate, key = identities.certificates["admin"]
        trust = ssl.create_default_context(cafile=str(identities.authority))
        trust.load_cert_chain(certificate, key)
        self._http = httpx.Client(base_url=APISERVER_URL, verify=trust, timeout=TIMEOUT_S, trust_env=False)

    def __enter__(self) -> KubeApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str) -> dict[str, Any]:
        """The object at `path`; empty while it, or the apiserver, is not there."""
        try:
            answer = self._http.get(path)
        except httpx.HTTPError:
            return {}
        return dict(answer.json()) if answer.is_success else {}

    def apply(self, manifest: dict[str, Any]) -> None:
        """Server-side apply."""
        meta = manifest["metadata"]
        path = PATHS[manifest["kind"]].format(name=meta["name"], namespace=meta.get("namespace", ""))
        answer = self._http.patch(
            path,
            params={"fieldManager": "sluice-lab", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(manifest),
        )
        if not answer.is_success:
            raise LabError(f"the apiserver refused {manifest['kind']} {meta['name']}: {answer.text[:400]}")

    def wait_for(self, path: str, condition: str, timeout_s: float) -> dict[str, Any]:
        """Wait until the object at `path` has this condition; return the object."""
        found: dict[str, Any] = {}

        def holds() -> bool:
            self._meanwhile()
            found.update(self.get(path))
            conditions = found.get("status", {}).get("conditions", [])
            return any(each["type"] == condition and each["status"] == "True" for each in conditions)

        wait_until(holds, timeout_s, f"{path} did not become {condition}")
        return found


def wait_until(holds: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    """Look every few hundredths of a second until it holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"{otherwise} within {timeout_s:.0f} s; the logs are in .lab/logs.")
        time.sleep(0.05)
