"""The Services that a Canary brings forth."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.manifests.flagger.side import Side
from sluice.rollout.services import apex, services
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.workloads.deployment import DEPLOYMENT
from tests.samples import canary, deployment, success_rate

COMPARED = {"analysis": {"stepWeights": [10, 50], "metrics": [success_rate(99)], "comparison": {}}}


def test_users_and_the_primary_s_service_reach_the_primary_and_only_the_canary_s_reaches_the_target() -> None:
    """The apex Service never selects the canary's pods."""
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(canary(), deployment())}
    assert chosen == {
        "shop": {"app": "shop-primary"},
        "shop-primary": {"app": "shop-primary"},
        "shop-canary": {"app": "shop"},
    }


def test_the_services_ports_are_the_canary_s() -> None:
    """Port, its name, the container's port (the same where none is given) and the protocol of the application."""
    spec = {"service": {"port": 8080, "portName": "grpc", "targetPort": None, "appProtocol": "kubernetes.io/h2c"}}
    for one in services(canary(spec), deployment()):
        (port,) = one["spec"]["ports"]
        assert (port["port"], port["targetPort"], port["name"], port["appProtocol"]) == (
            8080,
            8080,
            "grpc",
            "kubernetes.io/h2c",
        )


def test_a_compared_canary_has_a_service_for_its_baseline() -> None:
    """It selects the baseline's own pods only."""
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(canary(COMPARED), deployment())}
    assert chosen["shop-baseline"] == {"app": "shop-baseline"}


def instance(name: str, value: str) -> dict[str, Any]:
    """A Deployment named by `app.kubernetes.io/name` and distinguished by its instance, as Helm charts do."""
    labels = {"app": None, "app.kubernetes.io/name": "web", "app.kubernetes.io/instance": value}
    own = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}
    return deployment(name=name, change={"spec": own})


@pytest.mark.parametrize("compared", [False, True])
def test_two_instances_of_one_application_never_meet_each_other_s_users(compared: bool) -> None:
    """The Services of each select by its whole selector: one label of it is the same in both."""
    spec = COMPARED if compared else {}
    ours, theirs = canary(spec, name="web-a"), canary(spec, name="web-b")
    a, b = instance("web-a", "a"), instance("web-b", "b")
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(ours, a)}
    assert chosen["web-a"] == chosen["web-a-primary"]
    assert chosen["web-a-primary"] == {"app.kubernetes.io/name": "web-primary", "app.kubernetes.io/instance": "a"}
    assert chosen["web-a-canary"] == {"app.kubernetes.io/name": "web", "app.kubernetes.io/instance": "a"}
    assert [apex(ours, a, side)["spec"]["selector"] for side in (Side.PRIMARY, Side.CANARY)] == [
        chosen["web-a-primary"],
        chosen["web-a-canary"],
    ]
    for selector in chosen.values():
        for pods in (b, primary_copy(DEPLOYMENT, theirs, b, 1)):
            assert not selector.items() <= pods["spec"]["template"]["metadata"]["labels"].items()


def test_a_label_that_only_an_expression_asks_for_is_selected_too() -> None:
    """`instance in (a)` is `instance=a`, which a Service can say; what it cannot say is left out."""
    target = deployment()
    target["spec"]["selector"]["matchExpressions"] = [
        {"key": "instance", "operator": "In", "values": ["a"]},
        {"key": "tier", "operator": "In", "values": ["x", "y"]},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    chosen = {one["metadata"]["name"]: one["spec"]["selector"] for one in services(canary(), target)}
    assert chosen["shop-canary"] == {"app": "shop", "instance": "a"}
