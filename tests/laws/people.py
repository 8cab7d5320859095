"""What people do to a rollout's objects, each by name: as `kubectl` would, at any moment, knowing nothing of sluice.

A new habit of people is a function and a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blocks.kubernetes.kinds import (
    CANARY,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    METRIC_TEMPLATE,
    SERVICE,
    WORKLOAD_KINDS,
)
from sluice.rollout.workloads.daemonset import FROZEN, KEPT_STRATEGY
from tests.laws.gates import AT_GATES
from tests.laws.labels import NEIGHBOURS, PRIMARY, target_of
from tests.laws.town import KINDS, Town, is_strange, stranger
from tests.samples import NAME, NAMESPACE, copied, merged, workload

Object = dict[str, Any]
BY_HAND = "registry/shop:by-hand"
Hand = Callable[[Town, str], None]
IMAGES = ("registry/shop:1", "registry/shop:2", "registry/shop:3", "registry/shop:broken")


def _change(town: Town, kind: str, name: str, patch: Object) -> None:
    """What `kubectl patch` does; nothing where there is no such object."""
    found = town.objects.get((kind, NAMESPACE, name))
    if found is not None:
        town.add(merged(found, patch))


def _set_image(town: Town, kind: str, name: str, image: str) -> None:
    found = town.objects.get((kind, NAMESPACE, name))
    if found is not None:
        (container,) = found["spec"]["template"]["spec"]["containers"]
        containers = [{**container, "image": image}]
        _change(town, kind, name, {"spec": {"template": {"spec": {"containers": containers}}}})


def _push(number: int) -> Hand:
    return lambda town, kind: _set_image(town, kind, NAME, IMAGES[number])


def _canary(patch: Object) -> Hand:
    return lambda town, _: _change(town, "Canary", NAME, patch)


def _delete(kind: str, name: str) -> Hand:
    kinds = {"Service": SERVICE, "HTTPRoute": HTTP_ROUTE, "Canary": CANARY, **WORKLOAD_KINDS}
    return lambda town, of: town.vanish(kinds[kind or of], name, NAMESPACE)


def _remake_canary(town: Town, _: str) -> None:
    """`kubectl replace --force`: the new one is there before the garbage collector has begun with the old one's."""
    old = town.objects.get(("Canary", NAMESPACE, NAME))
    if old is None:
        return
    town.vanish(CANARY, NAME, NAMESPACE)
    if ("Canary", NAMESPACE, NAME) in town.objects:
        return  # its finalizer keeps it
    meta = {key: value for key, value in old["metadata"].items() if key in {"name", "namespace", "annotations"}}
    town.add({**{key: copied(old[key]) for key in ("apiVersion", "kind", "spec")}, "metadata": meta})


def _mend_canary(town: Town, kind: str) -> None:
    """The steps are a list of numbers again."""
    found = town.objects.get(("Canary", NAMESPACE, NAME))
    if found is not None and isinstance(found["spec"]["analysis"].get("stepWeights"), str):
        steps = [10, 30, 50] if found["spec"]["provider"] != "kubernetes" else []
        _change(town, "Canary", NAME, {"spec": {"analysis": {"stepWeights": steps}}})


def _make_target(town: Town, kind: str) -> None:
    """`kubectl apply` where it is gone: another object of the name."""
    if (kind, NAMESPACE, NAME) not in town.objects:
        made = target_of(kind, IMAGES[0])
        made["metadata"].pop("uid")
        town.add(made)


def _remake_target(town: Town, kind: str) -> None:
    """`kubectl replace --force`."""
    old = town.objects.get((kind, NAMESPACE, NAME))
    if old is not None:
        town.vanish(WORKLOAD_KINDS[kind], NAME, NAMESPACE)
        meta = {key: value for key, value in old["metadata"].items() if key in {"name", "namespace", "labels"}}
        town.add({**{key: copied(old[key]) for key in ("apiVersion", "kind", "spec")}, "metadata": meta})


def thaw(town: Town, kind: str) -> None:
    """What was made again as it was frozen says so in nobody's name: it never gets new pods, and sluice asks for that."""
    found = town.objects.get((kind, NAMESPACE, NAME))
    if found is not None and KEPT_STRATEGY not in (found["metadata"].get("annotations") or {}):
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == FROZEN:
            _change(town, kind, NAME, {"spec": {"updateStrategy": {"type": "RollingUpdate"}}})


def _apply_target(town: Town, kind: str) -> None:
    """`kubectl apply` of a whole manifest: what sluice keeps frozen and without pods is neither any more."""
    found = town.objects.get((kind, NAMESPACE, NAME))
    if found is not None:
        whole = target_of(kind, IMAGES[0])["spec"]
        spec = {**whole, "template": copied(found["spec"]["template"])}
        town.add({**found, "spec": spec})


def _restart(town: Town, kind: str) -> None:
    """`kubectl rollout restart`: a revision that runs the image of before."""
    stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": f"{town.version}"}}}
    _change(town, kind, NAME, {"spec": {"template": stamp}})


def _load(pods: str) -> Hand:
    """What autoscalers do when the load changes: one whose workload has no pods does nothing."""

    def scale(town: Town, kind: str) -> None:
        for key, item in list(town.objects.items()):
            if key[0] == "HorizontalPodAutoscaler":
                name = item["spec"]["scaleTargetRef"]["name"]
                found = town.objects.get((kind, NAMESPACE, name))
                if found is not None and found["spec"].get("replicas"):
                    _change(town, kind, name, {"spec": {"replicas": item["spec"][pods]}})

    return scale


def _in_the_way(kind: str, name: str) -> Hand:
    """Somebody else's object gets the name that sluice needs."""

    def put(town: Town, workload_kind: str) -> None:
        of = kind or workload_kind
        _delete(kind, name)(town, workload_kind)
        specs = {"Service": {"selector": {"app": "other"}}, "HTTPRoute": {"rules": [], "parentRefs": []}}
        town.add(stranger(of, name, NAMESPACE, specs.get(of) or workload(of, name="elsewhere")["spec"]))

    return put


def clear_the_way(town: Town, _: str) -> None:
    """Somebody else takes away what has a name of sluice's."""
    for kind, namespace, name in [
        key for key, item in town.objects.items() if is_strange(item) and key[2] not in NEIGHBOURS
    ]:
        town.vanish(KINDS[kind], name, namespace)


def _own_metric(patch: Object) -> Hand:
    return lambda town, _: _change(town, "MetricTemplate", "own", patch)


def _turn(service: str, app: str) -> Hand:
    """A Service leads to other pods of the application."""
    return lambda town, _: _change(town, "Service", service, {"spec": {"selector": {"app": app}}})


def _scale(name: str, pods: int) -> Hand:
    def scale(town: Town, kind: str) -> None:
        if kind == "Deployment":  # the nodes count a DaemonSet's pods
            _change(town, kind, name, {"spec": {"replicas": pods}})

    return scale


def _autoscale(name: str, pods: int) -> Hand:
    """What an autoscaler does, which wakes nothing that has no pods."""

    def scale(town: Town, kind: str) -> None:
        found = town.objects.get((kind, NAMESPACE, name))
        if found is not None and found["spec"].get("replicas"):
            _change(town, kind, name, {"spec": {"replicas": pods}})

    return scale


def _route_all_to_canary(town: Town, _: str) -> None:
    route = town.objects.get(("HTTPRoute", NAMESPACE, NAME))
    if route is not None:
        rules = copied(route["spec"]["rules"])
        for backend in (backend for rule in rules for backend in rule["backendRefs"]):
            backend["weight"] = 100 if backend["name"].endswith("-canary") else 0
        _change(town, "HTTPRoute", NAME, {"spec": {"rules": rules}})


def _route_own_rule(town: Town, _: str) -> None:
    """Testers reach the canary by a header."""
    route = town.objects.get(("HTTPRoute", NAMESPACE, NAME))
    if route is not None and len(route["spec"]["rules"]) == 1:
        own = {
            "matches": [{"headers": [{"name": "x-canary", "value": "always"}]}],
            "backendRefs": [{"name": f"{NAME}-canary", "port": 80, "weight": 100}],
        }
        _change(town, "HTTPRoute", NAME, {"spec": {"rules": [own, *copied(route["spec"]["rules"])]}})


PEOPLE: dict[str, Hand] = {
    "push 0": _push(0),
    "push 1": _push(1),
    "push 2": _push(2),
    "push broken": _push(3),
    "loosen the threshold": _canary({"spec": {"analysis": {"threshold": 5}}}),
    "edit the Canary wrongly": _canary({"spec": {"analysis": {"stepWeights": "many"}}}),
    "edit the Canary back": _mend_canary,
    "suspend": _canary({"spec": {"suspend": True}}),
    "unsuspend": _canary({"spec": {"suspend": None}}),
    "skip the analysis": _canary({"spec": {"skipAnalysis": True}}),
    "change the port": _canary({"spec": {"service": {"port": 8080}}}),
    "delete the Canary": _delete("Canary", NAME),
    "make the Canary again": _remake_canary,
    "have it revert on deletion": _canary({"spec": {"revertOnDeletion": True}}),
    "lose the Canary's status": _canary({"status": None}),
    "make the target": _make_target,
    "make the target again": _remake_target,
    "apply the target whole": _apply_target,
    "restart the target": _restart,
    "edit the metric wrongly": _own_metric({"spec": {"provider": {"type": "unheard-of"}}}),
    "delete the metric": lambda town, _: town.vanish(METRIC_TEMPLATE, "own", NAMESPACE),
    "load rises": _load("maxReplicas"),
    "load falls": _load("minReplicas"),
    "delete the primary's autoscaler": lambda town, _: town.vanish(HORIZONTAL_POD_AUTOSCALER, PRIMARY, NAMESPACE),
    "delete the autoscaler": lambda town, _: town.vanish(HORIZONTAL_POD_AUTOSCALER, NAME, NAMESPACE),
    "put somebody's workload in the primary's place": _in_the_way("", PRIMARY),
    "put somebody's Service in the primary's place": _in_the_way("Service", PRIMARY),
    "put somebody's Service in the canary's place": _in_the_way("Service", f"{NAME}-canary"),
    "put somebody's route in the way": _in_the_way("HTTPRoute", NAME),
    "clear the way": clear_the_way,
    "scale the target": _scale(NAME, 5),
    "scale the target to zero": _scale(NAME, 0),
    "delete the target": _delete("", NAME),
    "edit the primary": lambda town, kind: _set_image(town, kind, PRIMARY, BY_HAND),
    "scale the primary": _scale(PRIMARY, 4),
    "autoscale the target": _autoscale(NAME, 6),
    "autoscale the primary": _autoscale(PRIMARY, 6),
    "autoscale the primary down": _autoscale(PRIMARY, 1),
    "delete the primary": _delete("", PRIMARY),
    "delete the apex Service": _delete("Service", NAME),
    "delete the primary's Service": _delete("Service", PRIMARY),
    "delete the canary's Service": _delete("Service", f"{NAME}-canary"),
    "turn the primary's Service elsewhere": _turn(PRIMARY, NAME),
    "turn the canary's Service elsewhere": _turn(f"{NAME}-canary", PRIMARY),
    "turn the apex Service elsewhere": _turn(NAME, NAME),
    "delete the route": _delete("HTTPRoute", NAME),
    "route all to the canary": _route_all_to_canary,
    "route testers to the canary": _route_own_rule,
    **AT_GATES,
    "upgrade the API server": lambda town, _: town.upgrade({"terminationMessagePath": "/dev/termination-log"}),
}
"""Every habit by its name."""
