"""The Canary of a run with its webhooks of one type, as last seen: without a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.connections import connections
from blocks.gates.base import Answer
from blocks.kubernetes.kinds import CANARY
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.manifests.flagger.phase import Phase
from tasks.scene.rollout_ref import RolloutRef


@dataclass(frozen=True, slots=True)
class Found:
    """A Canary and those of its webhooks that are called."""

    canary: Canary
    webhooks: tuple[CanaryWebhook, ...]

    def at(self, phase: Phase, revision: str) -> Found:
        """These webhooks with the Canary at another phase and revision: a newer release may have begun since."""
        status = self.canary.status.model_copy(update={"phase": phase, "last_applied_spec": revision})
        return Found(self.canary.model_copy(update={"status": status}), self.webhooks)

    async def call(self, webhook: CanaryWebhook) -> Answer:
        """Call one of them; nothing is raised."""
        return await connections().gates.ask(webhook, self.canary)


def found(ref: RolloutRef, kind: str) -> Found | None:
    """The webhooks of a type; None where there are none, or no Canary that can be read."""
    known = connections().informers.known(CANARY, ref.name, ref.namespace)
    if known is None or kind not in _types(known):
        return None  # read whole only where there is one: this is asked at each stage of each release
    try:
        canary = Canary.parse(known)
    except InvalidError:
        return None
    webhooks = canary.webhooks(kind)
    return Found(canary, webhooks) if webhooks else None


def _types(item: Mapping[str, Any]) -> set[Any]:
    analysis = (item.get("spec") or {}).get("analysis") or {}
    return {one.get("type") for one in analysis.get("webhooks") or () if isinstance(one, Mapping)}
