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
        "templateVariables": {
            "zone": "north",
            "job_name": "shop-api",
            "team2": 'say "hi"',
            "Größe_3": "l",
            "a-b": "dash",
        },
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
        ('x{job="{{ variables.job_name }}"}', 'x{job="shop-api"}'),
        ('x{team="{{variables.team2}}"}', 'x{team="say \\"hi\\""}'),
        ("{{ variables.team2 }}", 'say "hi"'),
        ("{{- variables.Größe_3 -}}", "l"),
        ('{{ index variables "a-b" }}{{ variables.a-b }}', "dashdash"),
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


@pytest.mark.parametrize(
    "place",
    [
        "variables.nobody",
        ".Variables.zone",
        "namespace | printf",
        "if namespace",
        "variables",
        "",
        "args.zone",
        'index variables "nobody"',
    ],
)
def test_what_is_not_understood_is_refused_and_never_left_in_the_query(place: str) -> None:
    """A query with braces in it measures nothing, or is refused by the provider long after users met the revision."""
    with pytest.raises(InvalidError) as caught:
        render_query(f'x{{a="{{{{ {place} }}}}"}}', canary(), METRIC)
    assert f"{{{{ {place} }}}}; known are" in str(caught.value)
    assert "variables.zone" in str(caught.value)


def test_a_place_that_does_not_end_is_refused() -> None:
    """A brace was forgotten."""
    with pytest.raises(InvalidError, match=r"has \{\{ without \}\}: \{\{ namespace \}"):
        render_query('x{a="{{ namespace }"}', canary(), METRIC)


def test_an_unknown_variable_is_refused_by_name() -> None:
    """A query with a hole in it would silently measure something else."""
    with pytest.raises(InvalidError, match=r"\{\{ nmespace \}\}; known are .*namespace"):
        render_query("{{ nmespace }}", canary(), METRIC)
