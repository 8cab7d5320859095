"""What a sync would change, for `sluice diff`: of one Kustomization or of all, without acting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from blocks.connections import Connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import InvalidError, NotFoundError, SluiceError
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.kustomizations.preview import Preview, previewed


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one Kustomization.

    Attributes:
        name: `namespace/name`.
        previews: the objects that a sync would change or that would be refused.
        failed: why nothing can be said of it; empty where something can.
    """

    name: str
    previews: tuple[Preview, ...] = ()
    failed: str = ""

    @property
    def code(self) -> int:
        """As `flux diff` and `kubectl diff`: 0 for no difference, 1 for some, more than 1 for an error."""
        if self.failed or any(one.refused for one in self.previews):
            return 2
        return int(bool(self.previews))


async def compared(wired: Connections, name: str, folder: Path | None) -> AsyncIterator[Compared]:
    """Each Kustomization that is asked for; one that cannot be looked at does not stop the others.

    Args:
        wired: what this process is connected to.
        name: `namespace/name`; empty for all that are looked after.
        folder: rendered in the place of what git has; for one Kustomization only.

    Raises:
        InvalidError: the name is none.
        NotFoundError: there is no such Kustomization.
    """
    if folder is not None and not name:
        raise InvalidError("--path renders one Kustomization: name it, such as `sluice diff apps/shop --path ./deploy`")
    for one in await _asked(wired, name):
        try:
            yield Compared(f"{one.namespace}/{one.name}", tuple(await previewed(wired, one, folder)))
        except SluiceError as error:
            yield Compared(f"{one.namespace}/{one.name}", failed=str(error))


async def _asked(wired: Connections, name: str) -> list[Kustomization]:
    if not name:
        return Kustomization.valid(await wired.cluster.list(KUSTOMIZATION))
    namespace, slash, short = name.partition("/")
    if not (namespace and slash and short) or "/" in short:
        raise InvalidError(f"{name!r} names no Kustomization: write namespace/name, such as apps/shop")
    found = await wired.cluster.find(KUSTOMIZATION, short, namespace)
    if found is None:
        raise NotFoundError(f"there is no Kustomization {name}: `kubectl get kustomizations -A` lists them")
    return [Kustomization.parse(found)]
