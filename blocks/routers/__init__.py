"""How traffic is shifted: one file a router, all of them under one contract. A new router is a file and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.kubernetes.writer import Writer
from blocks.routers.base import Router
from blocks.routers.gateway_api import GatewayApiRouter
from blocks.routers.kubernetes import KubernetesRouter
from sluice.errors import InvalidError

Row = Callable[[Writer], Router]
ROUTERS: dict[str, Row] = {
    **dict.fromkeys(("", "gatewayapi", "gatewayapi:v1"), GatewayApiRouter),
    "kubernetes": KubernetesRouter,
}
"""By `spec.provider` of a Canary, as Flagger names them; empty is sluice's own default."""


def other_routers(provider: str, writer: Writer, rows: Mapping[str, Row] = ROUTERS) -> list[Router]:
    """The routers that a Canary's `spec.provider` does not name: it may have named one of them before."""
    return [row(writer) for row in dict.fromkeys(rows.values()) if row is not rows.get(provider)]


def router_for(provider: str, writer: Writer, rows: Mapping[str, Row] = ROUTERS) -> Router:
    """The router that a Canary's `spec.provider` names.

    Args:
        rows: the routers that there are; an installation may have more than sluice's own.

    Raises:
        InvalidError: sluice has no such router; the message names those that it has.
    """
    if provider not in rows:
        known = ", ".join(sorted(filter(None, rows)))
        raise InvalidError(f"spec.provider {provider!r} is not supported yet; use one of: {known}")
    return rows[provider](writer)
