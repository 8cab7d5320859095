"""The Services that a Canary brings forth."""

from __future__ import annotations

from sluice.rollout.services import services
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
