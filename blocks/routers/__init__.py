"""How traffic is shifted: one file a data plane, all of them under one contract."""

from __future__ import annotations

from blocks.kubernetes.writer import Writer
from blocks.routers.base import Router
from blocks.routers.gateway_api import GatewayApiRouter
from sluice.errors import InvalidError


def router_for(provider: str, writer: Writer) -> Router:
    """The router that a Canary's `spec.provider` names.

    Raises:
        InvalidError: sluice has no such router.
    """
    if provider in {"", "gatewayapi", "gatewayapi:v1"}:
        return GatewayApiRouter(writer)
    raise InvalidError(f"spec.provider {provider!r} is not supported yet; use gatewayapi:v1")
