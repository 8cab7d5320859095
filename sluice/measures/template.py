"""Flagger's query templates: `{{ namespace }}`, `{{ target }}`, `{{ variables.x }}` in a query of the user's."""

from __future__ import annotations

import re

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.manifests.flagger.side import Side
from sluice.measures.quoting import mended, open_quote

_PLACE = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_KEY = re.compile(r"""variables\.(?P<name>\w+)|index\s+variables\s+(?P<quote>["`])(?P<key>.*)(?P=quote)""")


def render_query(query: str, canary: Canary, metric: CanaryMetric, side: Side = Side.CANARY) -> str:
    """The query with its variables filled in; inside of its strings what would end the string is escaped.

    Args:
        side: whose value it asks for; the primary's has its workload as `target`. `{{ side }}` is sluice's own.

    Raises:
        InvalidError: it uses a variable that does not exist, or what is no variable; the message names those that do.
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
    rendered, at = "", 0
    for place in _PLACE.finditer(query):
        rendered += query[at : place.start()]
        at = place.end()
        value = known.get(_named(place[1].strip()))
        if value is None:
            raise InvalidError(
                f"metric {metric.name}: the template uses {{{{ {place[1].strip()} }}}}; "
                f"known are {', '.join(sorted(known))}"
            )
        quote = open_quote(rendered)
        rendered += mended(value, quote) if quote in {'"', "'"} else value
    rest = query[at:]
    if "{{" in rest:
        raise InvalidError(f"metric {metric.name}: the template has {{{{ without }}}}: {rest[rest.index('{{') :][:60]}")
    return rendered + rest


def _named(place: str) -> str:
    """The variable that a place names; what is none stays as it is."""
    found = _KEY.fullmatch(place)
    return f"variables.{found['name'] or found['key']}" if found else place
