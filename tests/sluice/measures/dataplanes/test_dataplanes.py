"""How each data plane counts requests, tried on each row of the table; and what is refused where nothing counts them."""

from __future__ import annotations

import pytest

from blocks.routers import ROUTERS
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures import dataplanes
from sluice.measures.counted import telemetry_of
from sluice.measures.dataplanes import DATAPLANES, telemetry_for
from sluice.measures.dataplanes.base import DataPlane
from sluice.measures.objective import Objective, Telemetry
from tests.samples import canary, duration, success_rate

PLANES = {
    f"{provider or 'default'} {controller or 'any'}": plane
    for provider, row in DATAPLANES.items()
    for controller, plane in row.items()
}


def test_a_data_plane_is_one_that_a_router_shifts_traffic_on() -> None:
    """A row for a provider that nobody can ask for would count for nobody."""
    assert set(DATAPLANES) <= set(ROUTERS)


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_the_sides_can_be_told_apart_by_one_label(plane: DataPlane) -> None:
    """All are read together, and each value of one label is one side's; good and bad differ too."""
    telemetry = plane(canary())
    assert all([telemetry.total, telemetry.buckets, telemetry.side_label, telemetry.canary])
    assert bool(telemetry.bad) != bool(telemetry.good)
    assert len({telemetry.canary, telemetry.primary, telemetry.baseline}) == 3
    for metric in (success_rate(), duration()):
        selector = telemetry.selector(Objective.of(CanaryMetric.model_validate(metric)))
        assert selector.values == {telemetry.canary, telemetry.primary}


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_what_it_answers_itself_has_a_label_to_be_found_by(plane: DataPlane) -> None:
    """Where a data plane counts it at all, and apart from what its backends answered."""
    telemetry = plane(canary())
    assert bool(telemetry.unserved) == bool(telemetry.unserved_label)
    assert telemetry.total not in telemetry.unserved


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_two_canaries_are_not_counted_together(plane: DataPlane) -> None:
    """Neither by name, nor by port."""
    names = {plane(one).canary for one in (canary(), canary(name="cart"), canary({"service": {"port": 81}}))}
    assert len(names) == 3


def test_the_controller_of_a_route_chooses_among_the_data_planes_of_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that no row names is counted as the provider's usual one."""
    other = Telemetry(total="t", buckets="b", side_label="l", canary="c", primary="p")
    monkeypatch.setitem(DATAPLANES, "gatewayapi:v1", {**dataplanes.GATEWAY_API, "other.io/controller": lambda _: other})
    assert telemetry_for(canary(), "other.io/controller") is other
    assert telemetry_for(canary(), "projectcontour.io/gateway-controller") == telemetry_for(canary())


def test_without_a_data_plane_that_counts_the_built_in_metrics_are_refused_with_the_way_out() -> None:
    """By the metric's name and the provider's; series of the application's own are counted all the same."""
    it = canary({"provider": "kubernetes"})
    assert telemetry_for(it) is None
    for metric in (success_rate(), duration()):
        with pytest.raises(
            InvalidError, match=rf"shop.*metric {metric['name']} .*spec\.provider 'kubernetes'.*: add counted to it"
        ):
            telemetry_of(CanaryMetric.model_validate(metric), it, telemetry_for(it))
    own = {**success_rate(), "counted": {"series": "orders_total", "good": {"result": "ok"}}}
    assert telemetry_of(CanaryMetric.model_validate(own), it, None).total == "orders_total"


def test_a_provider_without_a_row_counts_nothing_that_is_known() -> None:
    """Never another data plane's series by mistake: a router that a package brings says nothing of its proxies."""
    assert telemetry_for(canary({"provider": "acme"})) is None
