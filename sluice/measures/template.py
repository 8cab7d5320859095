"""Flagger's query templates: `{{ namespace }}`, `{{ target }}`, `{{ variables.x }}` in a query of the user's."""

from __future__ import annotations

import re

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.side import Side

_PLACE = re.compile(r"\{\{-?\s*([A-Za-z.]+)\s*-?\}\}")


def render_query(query: str, canary: Canary, metric: CanaryMetric, side: Side = Side.CANARY) -> str:
    """The query with its variables filled in.

    Args:
        side: whose value it asks for; the primary's has its workload as `target`. `{{ side }}` is sluice's own.

    Raises:
        InvalidError: it uses a variable that does not exist; the message names those that do.
    """
    known = {
        "name": canary.name,
        "namespace": canary.namespace,
        "target": canary.primary if side is Side.PRIMARY else canary.target,
        "side": side.value,
        "service": canary.service_name,
        "ingress": canary.spec.ingress_ref.name if canary.spec.ingress_ref else "",
        "route": canary.spec.route_ref.name if canary.spec.route_ref else "",
        "interval": f"{metric.interval:g}s",
        **{f"variables.{key}": value for key, value in metric.template_variables.items()},
    }

    def fill(place: re.Match[str]) -> str:
        if place[1] not in known:
            raise InvalidError(
                f"metric {metric.name}: the template uses {{{{ {place[1]} }}}}; known are {', '.join(sorted(known))}"
            )
        return known[place[1]]

    return _PLACE.sub(fill, query)
