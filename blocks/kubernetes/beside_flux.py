"""Which objects of Flux's kinds a list brings: those that this installation is given, and that Flux does not act on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sluice.manifests.beside_flux import left_to_flux
from sluice.manifests.selector import Selector
from sluice.recent import Recent

if TYPE_CHECKING:
    from blocks.kubernetes.cluster import Kind

Object = dict[str, Any]
FLUX_GROUPS = ".toolkit.fluxcd.io"
log = logging.getLogger("sluice.flux")


@dataclass(slots=True)
class GivenToSluice:
    """Chooses objects of Flux's kinds; all others pass.

    Attributes:
        selector: on the labels of what this installation acts on.
    """

    selector: Selector = field(default_factory=Selector)
    _said: Recent[str, str] = field(default_factory=lambda: Recent(10_000))

    def __call__(self, kind: Kind, items: list[Object]) -> list[Object]:
        """Those that are sluice's to act on; of each other one the log says once why it is not."""
        if not kind.api_version.partition("/")[0].endswith(FLUX_GROUPS):
            return items
        now = datetime.now(UTC)
        return [item for item in items if self._is_given(kind, item, now)]

    def _is_given(self, kind: Kind, item: Object, now: datetime) -> bool:
        if not self.selector.matches(item["metadata"].get("labels") or {}):
            return False
        why = left_to_flux(item, now)
        named = f"{kind.kind} {item['metadata'].get('namespace')}/{item['metadata']['name']}"
        if not why:
            self._said.pop(named, None)
        elif named not in self._said:
            self._said[named] = why
            log.warning("%s is left to Flux: %s", named, why)
        return not why
