"""Kinds of routes: how traffic is divided in each one's manifests. A new kind is a file here and a row in this table."""

from __future__ import annotations

from sluice.rollout.routes.base import Route
from sluice.rollout.routes.gateway_api import GatewayApi
from sluice.rollout.routes.kubernetes import KubernetesService

ROUTES: dict[str, Route] = {
    **dict.fromkeys(("", "gatewayapi", "gatewayapi:v1"), GatewayApi()),
    "kubernetes": KubernetesService(),
}
"""By `spec.provider` of a Canary, as Flagger names them; empty is sluice's own default."""
