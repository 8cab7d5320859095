"""What a cluster in memory is asked and says: label selectors, and its acts as short sentences."""

from __future__ import annotations

from typing import Any

from sluice.rollout.workloads.daemonset import DAEMON_SET

Object = dict[str, Any]


def fits(item: Object, selector: str | None) -> bool:
    """Whether a label selector of equalities and existences takes an object."""
    labels = item["metadata"].get("labels") or {}
    wanted = [part.partition("=") for part in selector.split(",")] if selector else []
    return all(name in labels and (not equals or labels[name] == value) for name, equals, value in wanted)


def told_of(verb: str, item: Object) -> str:
    """One write."""
    what = f"{verb} {item['kind']} {item['metadata']['name']}"
    if verb == "write status of" and item["kind"] == "Canary":
        return f"journal: {item['status'].get('phase')} {item['status'].get('canaryWeight', 0)}"
    if item["kind"] == "Deployment":
        return f"{what} with {item['spec'].get('replicas')}"
    if item["kind"] == "DaemonSet":
        return f"{what} with {'0' if DAEMON_SET.writes.scaled(item, 0) is None else 'all'}"
    return what
