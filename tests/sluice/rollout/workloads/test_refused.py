"""Workloads of which no copies can be made are refused by the field, before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import primary_copy
from tests.samples import canary, success_rate, workload

Object = dict[str, Any]
EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


def labelled(kind: str, value: str) -> Object:
    own = {"selector": {"matchLabels": {"app": value}}, "template": {"metadata": {"labels": {"app": value}}}}
    return workload(kind, change={"spec": own})


@EVERY_KIND
@pytest.mark.parametrize(("compared", "longest"), [(False, 55), (True, 54)])
def test_a_label_that_leaves_no_room_for_the_copies_is_refused(kind: str, compared: bool, longest: int) -> None:
    """`-primary` and `-baseline` come after it, and a label's value has 63 characters at most."""
    analysis = {"stepWeights": [10], "comparison": {}, "metrics": [success_rate(99)]}
    it = canary({"analysis": analysis} if compared else {})
    made = primary_copy(WORKLOADS[kind], it, labelled(kind, "a" * longest), 1)
    assert len(made["metadata"]["labels"]["app"]) <= 63
    said = rf"spec.selector.matchLabels.app has {longest + 1} characters, .* {longest} at most"
    with pytest.raises(InvalidError, match=said):
        primary_copy(WORKLOADS[kind], it, labelled(kind, "a" * (longest + 1)), 1)


HOST_PORT = {"containers": [{"name": "shop", "image": "shop:1", "ports": [{"containerPort": 80, "hostPort": 8080}]}]}


@pytest.mark.parametrize(
    ("pod", "field"), [(HOST_PORT, "hostPort 8080"), ({"hostNetwork": True}, "hostNetwork: true")], ids=["port", "net"]
)
def test_a_daemon_set_that_has_a_node_s_port_to_itself_is_refused(pod: Object, field: str) -> None:
    """Its canary would wait for the primary's port on each node for ever. A Deployment may find another node."""
    change = {"spec": {"template": {"spec": pod}}}
    with pytest.raises(InvalidError, match=rf"DaemonSet shop: spec.template.spec has {field}, so a node cannot have"):
        primary_copy(WORKLOADS["DaemonSet"], canary(), workload("DaemonSet", change=change), 1)
    assert primary_copy(WORKLOADS["Deployment"], canary(), workload("Deployment", change=change), 1)
