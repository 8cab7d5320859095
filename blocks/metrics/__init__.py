"""Where measures come from: one file a provider, all of them under one contract."""

from __future__ import annotations

from collections.abc import Callable

from blocks.metrics import prometheus
from blocks.metrics.base import Endpoint, Provider
from sluice.errors import InvalidError

PROVIDERS: dict[str, Callable[[Endpoint], Provider]] = {
    "prometheus": prometheus.provider,
}
"""What makes a provider, by `spec.provider.type` of a MetricTemplate, as Flagger names them."""


def provider_of(kind: str) -> Callable[[Endpoint], Provider]:
    """What makes the providers of a type.

    Raises:
        InvalidError: sluice has none; the message names those that it has.
    """
    if kind not in PROVIDERS:
        known = ", ".join(sorted(PROVIDERS))
        raise InvalidError(f"spec.provider.type {kind!r} is not supported yet; use one of: {known}")
    return PROVIDERS[kind]
