"""Labels in a world: the target's `app` is a neighbour's as well, and so is the primary's; the instance tells them apart."""

from __future__ import annotations

from typing import Any

from tests.samples import NAME, workload

Object = dict[str, Any]
PRIMARY = f"{NAME}-primary"
INSTANCE = "app.kubernetes.io/instance"
NEIGHBOURS = {"other": NAME, "other-primary": PRIMARY}
"""Name of each Deployment of the neighbour → the `app` of its pods."""


def labelled(app: str, instance: str) -> Object:
    """The change that gives a workload these labels, and has it select by both."""
    labels = {"app": app, INSTANCE: instance}
    return {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}


def target_of(kind: str, image: str) -> Object:
    """The Canary's target."""
    return workload(kind, image, change=labelled(NAME, NAME))


def neighbour(name: str) -> Object:
    """The spec of one of the neighbour's Deployments."""
    spec: Object = workload("Deployment", name=name, change=labelled(NEIGHBOURS[name], "other"))["spec"]
    return spec
