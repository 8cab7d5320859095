"""DaemonSets: scaled by a node selector, as Flagger does, for it is the nodes that count their pods.

They have no `paused`: frozen by the update strategy `OnDelete`, with the users' own in an annotation until they are thawed
(docs/decisions/0011).
"""

from __future__ import annotations

import copy
import json
from typing import Any

from sluice.errors import InvalidError
from sluice.rollout.revision import Rule, revision_of
from sluice.rollout.workloads.base import Object, Workload, merged

AT_REST = "flagger.app/scale-to-zero"
"""Label of no node, in the node selector of a DaemonSet that is to have no pods. The name is Flagger's."""
KEPT_STRATEGY = "sluice.dev/update-strategy"
"""On a frozen DaemonSet: the update strategy that its users wrote, as JSON."""
FROZEN = "OnDelete"


class DaemonSetWrites:
    """What a DaemonSet is given."""

    def plain(self, workload: Object) -> Object:
        spec: Object = copy.deepcopy(workload["spec"])
        spec["template"] = _template(workload)
        _check_ports(workload)
        strategy, kept = spec.pop("updateStrategy", None) or {}, _kept(workload)
        if kept is None and strategy.get("type") == FROZEN:
            raise InvalidError(
                f"{workload['kind']} {workload['metadata']['name']}: spec.updateStrategy.type is {FROZEN}, and no pod of an "
                "older revision would ever be replaced; use RollingUpdate"
            )
        own = strategy if kept is None or strategy.get("type") != FROZEN else kept
        # Users may have written OnDelete since: the copies are updated all the same, that is what a promotion is.
        if own and own.get("type") != FROZEN:
            spec["updateStrategy"] = own
        return spec

    def scaled(self, workload: Object, pods: int) -> Object | None:
        if pods == 0:
            return None if _is_at_rest(workload) else _selecting("true")
        return _selecting(None) if _is_at_rest(workload) else None

    def frozen(self, workload: Object) -> Object | None:
        strategy = workload["spec"].get("updateStrategy") or {}
        if strategy.get("type") == FROZEN and _kept(workload) is not None:
            return None
        kept = json.dumps(strategy, sort_keys=True)
        return {"metadata": {"annotations": {KEPT_STRATEGY: kept}}, "spec": _strategy({"type": FROZEN})}

    def thawed(self, workload: Object) -> Object | None:
        kept = _kept(workload)
        if kept is None:
            return None
        patch: Object = {"metadata": {"annotations": {KEPT_STRATEGY: None}}}
        # One that somebody has written meanwhile is newer than what was kept.
        if (workload["spec"].get("updateStrategy") or {}).get("type") == FROZEN:
            patch["spec"] = _strategy(kept)
        return patch

    def yielding(self, manifest: Object, live: Object, manager: str) -> Object:
        spec: Object = manifest.get("spec") or {}
        if _kept(live) is not None:
            spec = {key: value for key, value in spec.items() if key != "updateStrategy"}
        template: Object = spec.get("template") or {}
        # A node selector is applied as a whole: one that is named in git would take ours away. It is ours alone where not.
        if _is_at_rest(live) and (template.get("spec") or {}).get("nodeSelector") is not None:
            spec = merged(spec, _selecting("true")["spec"])
        return {**manifest, "spec": spec}


class DaemonSetReads:
    """What is read of a DaemonSet."""

    def revision(self, workload: Object, rule: Rule = revision_of) -> str:
        return rule({"spec": {"template": _template(workload)}})

    def pods(self, workload: Object) -> int:
        return int((workload.get("status") or {}).get("desiredNumberScheduled", 0))

    def ready(self, workload: Object, share: int = 100) -> bool:
        wanted, status = self.pods(workload), workload.get("status") or {}
        if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0) or _is_at_rest(workload):
            return False
        updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
        older = status.get("currentNumberScheduled", updated) > updated
        return bool(wanted > 0 and not older and min(updated, available) * 100 >= wanted * share)

    def rolled_over(self, workload: Object) -> bool:
        return self.ready(workload) and workload["status"].get("currentNumberScheduled", 0) == self.pods(workload)

    def ends_early(self, workload: Object) -> bool:
        # With a surge a node has its new pod before its old one goes; by default it has none of both for a while.
        strategy = _kept(workload) or workload["spec"].get("updateStrategy") or {}
        return (strategy.get("rollingUpdate") or {}).get("maxSurge", 0) in {0, "0%"}


def _check_ports(workload: Object) -> None:
    """Refuse pods of which a node can have only one: the canary's would wait for the primary's for ever."""
    pod = workload["spec"]["template"]["spec"]
    containers = [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]
    host_ports = [port["hostPort"] for one in containers for port in one.get("ports") or [] if port.get("hostPort")]
    field = f"hostPort {host_ports[0]}" if host_ports else "hostNetwork: true"
    if host_ports or pod.get("hostNetwork"):
        raise InvalidError(
            f"{workload['kind']} {workload['metadata']['name']}: spec.template.spec has {field}, so a node cannot have a "
            "pod of the primary and one of the canary: let a Service reach its pods, or leave it without a Canary"
        )


def _template(workload: Object) -> Object:
    """The pod template as users wrote it."""
    template: Object = copy.deepcopy(workload["spec"]["template"])
    selector = template["spec"].pop("nodeSelector", None) or {}
    own = {name: value for name, value in selector.items() if name != AT_REST}
    if own:
        template["spec"]["nodeSelector"] = own  # the API server does not write an empty one
    return template


def _is_at_rest(workload: Object) -> bool:
    return AT_REST in (workload["spec"]["template"]["spec"].get("nodeSelector") or {})


def _selecting(value: str | None) -> Object:
    return {"spec": {"template": {"spec": {"nodeSelector": {AT_REST: value}}}}}


def _strategy(strategy: dict[str, Any]) -> Object:
    """A whole strategy as part of a merge patch: what it does not have is taken away."""
    return {"updateStrategy": {"type": strategy.get("type"), "rollingUpdate": strategy.get("rollingUpdate")}}


def _kept(workload: Object) -> dict[str, Any] | None:
    """The users' strategy while it is frozen; None where it is not."""
    text = (workload["metadata"].get("annotations") or {}).get(KEPT_STRATEGY)
    if text is None:
        return None
    try:
        kept = json.loads(text)
    except ValueError:
        return {}  # somebody wrote into it: the API server's own default
    return kept if isinstance(kept, dict) else {}


DAEMON_SET = Workload("apps/v1", "DaemonSet", "daemonsets", DaemonSetWrites(), DaemonSetReads())
