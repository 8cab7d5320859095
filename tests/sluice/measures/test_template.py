"""Query templates of the user's own."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.side import Side
from sluice.measures.template import render_query
from tests.samples import canary

METRIC = CanaryMetric.model_validate(
    {
        "name": "own",
        "interval": "90s",
        "thresholdRange": {"max": 1},
        "templateRef": {"name": "t"},
        "templateVariables": {"zone": "north"},
    }
)


@pytest.mark.parametrize(
    ("query", "rendered"),
    [
        ('up{ns="{{ namespace }}"}', 'up{ns="shop-test"}'),
        ("{{name}}/{{ target }}/{{-service-}}", "shop/shop/shop"),
        ("rate(x[{{ interval }}])", "rate(x[90s])"),
        ("{{ variables.zone }}", "north"),
        ("{{ ingress }}{{ route }}", ""),
        ('sum(x{a="b"}) by (c)', 'sum(x{a="b"}) by (c)'),
    ],
)
def test_every_variable_of_flagger_is_filled_in(query: str, rendered: str) -> None:
    """Templates mean here what they meant in Flagger."""
    assert render_query(query, canary(), METRIC) == rendered


def test_the_primary_has_its_own_workload_as_target() -> None:
    """A gauge is looked at next to the primary's, by the same query."""
    query = 'x{pod=~"{{ target }}-[0-9a-z]+-[0-9a-z]+",side="{{ side }}"}'
    assert (
        render_query(query, canary(), METRIC, Side.PRIMARY)
        == 'x{pod=~"shop-primary-[0-9a-z]+-[0-9a-z]+",side="primary"}'
    )
    assert 'side="canary"' in render_query(query, canary(), METRIC)


def test_an_unknown_variable_is_refused_by_name() -> None:
    """A query with a hole in it would silently measure something else."""
    with pytest.raises(InvalidError, match=r"\{\{ nmespace \}\}; known are .*namespace"):
        render_query("{{ nmespace }}", canary(), METRIC)
