"""What helm's requests to the API server are about, and which of its writes a rollout has a word in.

Everything that helm writes passes one place (`blocks/helm/passage.py`), and this is its rule. Helm's record of a release
is kept where the manifest says, also where that is another namespace than the release's. And what a Canary governs stays
as the rollout has it, as where a Kustomization is applied: the chart's manifest is recorded as it is, and so an upgrade
neither sends users to pods that are scaled to 0 nor starts pods that nobody has judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sluice.rollout.workloads import WORKLOADS
from sluice.sync.objects import ObjectId
from sluice.sync.ownership import Governed

_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/(?P<version>[^/]+))(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?P<more>/.+)?"
)
GOVERNED = {("", "services"): "Service", ("gateway.networking.k8s.io", "httproutes"): "HTTPRoute"}
_TARGETS = {("apps", row.plural): kind for kind, row in WORKLOADS.items()}
RECORD = "sh.helm.release.v1."
RECORDS = b"helm.sh/release.v1"
"""The type of helm's Secrets; in the body of a request that makes one, whatever its encoding."""
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Address:
    """The object, or the collection, that a request is about."""

    group: str
    namespace: str
    plural: str
    name: str
    subresource: str

    @property
    def path_kind(self) -> tuple[str, str]:
        """Group and plural."""
        return (self.group, self.plural)


def address(path: str) -> Address | None:
    """What a path is about; None where it is no object or collection."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    parts = {key: unquote(value or "") for key, value in found.groupdict().items()}
    return Address(parts["group"], parts["namespace"], parts["plural"], parts["name"], parts["more"].lstrip("/"))


def is_record(where: Address, query: Mapping[str, str], body: bytes) -> bool:
    """Whether a request is about helm's record of releases."""
    if where.path_kind != ("", "secrets"):
        return False
    if where.name:
        return where.name.startswith(RECORD)
    return "owner=helm" in query.get("labelSelector", "") or RECORDS in body


def is_watch(query: Mapping[str, str]) -> bool:
    """Whether a request is answered by events as they come."""
    return query.get("watch", "") in {"1", "true"}


def in_storage(path: str, release_namespace: str, storage_namespace: str) -> str:
    """The path of helm's record in the namespace that keeps it."""
    return path.replace(f"/namespaces/{release_namespace}/", f"/namespaces/{storage_namespace}/", 1)


def may_yield(method: str, where: Address) -> bool:
    """Whether a request writes to something of a kind that rollouts own."""
    return method in {"PATCH", "PUT"} and not where.subresource and where.path_kind in {*GOVERNED, *_TARGETS}


def is_spared(where: Address, governed: Governed) -> bool:
    """Whether a write would change what users' traffic goes through; deleting it is its owner's wish."""
    kind = GOVERNED.get(where.path_kind)
    return kind is not None and (where.group, kind, where.namespace, where.name) in governed.places


def target_kind(where: Address, targets: frozenset[ObjectId]) -> str:
    """The kind of a rollout's target; empty where it is none."""
    kind = _TARGETS.get(where.path_kind, "")
    known = ObjectId(group="apps", version="v1", kind=kind, namespace=where.namespace, name=where.name)
    return kind if known in targets else ""


def yielding(kind: str, body: Any, live: dict[str, Any], content_type: str, manager: str) -> Any:
    """The body of a write to a rollout's target, with what the release has set there left as it is."""
    row = WORKLOADS[kind].writes
    if content_type == APPLY:
        return row.yielding(body, live, manager)
    if not isinstance(body, dict):
        return body
    # A patch by its difference: what it does not name stays. A whole object gets what is there.
    spec = dict(body.get("spec") or {})
    whole = content_type == "application/json"
    for field in ("replicas", "paused", "updateStrategy"):
        if whole and field in (live.get("spec") or {}):
            spec[field] = live["spec"][field]
        elif not whole:
            spec.pop(field, None)
    return {**body, "spec": spec}
