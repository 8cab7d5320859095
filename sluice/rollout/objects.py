"""The objects that a Canary brings forth, as Flagger's users know them: whose they are, its Services and the route."""

from __future__ import annotations

from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.split import split

Object = dict[str, Any]
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Labels that may tell a workload's pods; the first one that its selector uses is rewritten for the primary."""
REVISION_ANNOTATION = "sluice.dev/revision"
"""On the primary: the revision whose template it was last given."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "sluice"}


def owner_of(canary: Canary) -> Object:
    """The reference that makes an object go when its Canary goes."""
    return {
        "apiVersion": canary.api_version,
        "kind": canary.kind,
        "name": canary.name,
        "uid": canary.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned(canary: Canary, item: Object) -> bool:
    """Whether an object was brought forth by this Canary."""
    owners = item["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == canary.metadata.uid for owner in owners)


def selector_label(target: Object) -> tuple[str, str]:
    """The label that tells the target's pods from others, and its value.

    Raises:
        InvalidError: its selector uses none of the labels that sluice can rewrite.
    """
    labels = target["spec"]["selector"].get("matchLabels") or {}
    for name in SELECTOR_LABELS:
        if name in labels:
            return name, labels[name]
    raise InvalidError(
        f"{target['kind']} {target['metadata']['name']}: spec.selector.matchLabels needs one of {', '.join(SELECTOR_LABELS)}"
    )


def pod_query(workload: Object) -> str:
    """The label query that finds a workload's pods, and no other's, by its whole selector."""
    selector = workload["spec"]["selector"]
    terms = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        key, values = one["key"], ",".join(one.get("values") or [])
        terms.append(_EXPRESSIONS[one["operator"]].format(key=key, values=values))
    return ",".join(terms)


_EXPRESSIONS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}


def services(canary: Canary, target: Object) -> list[Object]:
    """The apex Service and the primary's select the primary's pods, the canary's the target's; the baseline's its own."""
    label, value = selector_label(target)
    name = canary.service_name
    chosen = {name: f"{value}-primary", f"{name}-primary": f"{value}-primary", f"{name}-canary": value}
    if canary.compared:
        chosen[f"{name}-baseline"] = f"{value}-baseline"
    return [_service(canary, one, {label: pods}) for one, pods in chosen.items()]


def _service(canary: Canary, name: str, selector: dict[str, str]) -> Object:
    service = canary.spec.service
    port: Object = {
        "name": service.port_name,
        "port": service.port,
        "targetPort": service.target_port or service.port,
        "protocol": "TCP",
    }
    if service.app_protocol:
        port["appProtocol"] = service.app_protocol
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": canary.namespace,
            "labels": {"app": name, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": {"type": "ClusterIP", "selector": selector, "ports": [port]},
    }


def http_route(canary: Canary, weight: int) -> Object:
    """The Gateway API HTTPRoute with that weight of the canary, percent.

    Raises:
        InvalidError: the Canary names no Gateway.
    """
    service = canary.spec.service
    if not service.gateway_refs:
        raise InvalidError(f"{canary}: spec.service.gatewayRefs must name the Gateway that users come through")
    parents = [
        reference.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)
        | {"group": reference.group, "kind": reference.kind, "namespace": reference.namespace or canary.namespace}
        for reference in service.gateway_refs
    ]
    name = canary.service_name
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": name,
            "namespace": canary.namespace,
            "labels": dict(MANAGED_BY),
            "ownerReferences": [owner_of(canary)],
        },
        "spec": {
            "parentRefs": parents,
            "hostnames": list(service.hosts) or None,
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [
                        {"group": "", "kind": "Service", "name": one, "port": service.port, "weight": share}
                        for one, share in split(canary, weight).items()
                    ],
                }
            ],
        },
    }
