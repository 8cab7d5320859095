"""Where measures come from: one file a provider, all of them under one contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.metrics import prometheus
from blocks.metrics.base import Endpoint, Provider
from sluice.errors import InvalidError

Row = Callable[[Endpoint], Provider]
PROVIDERS: dict[str, Row] = {
    "prometheus": prometheus.provider,
}
"""What makes a provider, by `spec.provider.type` of a MetricTemplate, as Flagger names them."""


def provider_of(kind: str, rows: Mapping[str, Row] = PROVIDERS) -> Row:
    """What makes the providers of a type.

    Args:
        rows: the types that there are; an installation may have more than sluice's own.

    Raises:
        InvalidError: sluice has none; the message names those that it has.
    """
    if kind not in rows:
        known = ", ".join(sorted(rows))
        raise InvalidError(f"spec.provider.type {kind!r} is not supported yet; use one of: {known}")
    return rows[kind]
