"""Where switches are kept: one ConfigMap, so that they outlive every process, and `kubectl` shows who opened what."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CONFIG_MAP
from sluice.errors import ConflictError, TerminalError
from sluice.gates.switches import Change, Switch, changed, is_open

NAME = "sluice-gates"
TRIES = 5
"""Tries of a change next to other changes."""
MOST = 900_000
"""Characters in it at most: the API server takes no ConfigMap over a MiB."""


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches of an installation.

    Attributes:
        namespace: of the ConfigMap.
    """

    cluster: Cluster
    namespace: str

    async def is_open(self, switch: Switch) -> bool:
        """Whether it is open now, by the API server's own word.

        Raises:
            SluiceError: the cluster does not say.
        """
        found = await self.cluster.find(CONFIG_MAP, NAME, self.namespace)
        return is_open(((found or {}).get("data") or {}).get(switch.key))

    async def change(self, switch: Switch, change: Change) -> None:
        """Change it, and remember that.

        Raises:
            SluiceError: it could not be written.
        """
        for left in range(TRIES - 1, -1, -1):
            try:
                await self._write(switch, change)
            except ConflictError:  # somebody changed another one at the same time, or made the ConfigMap just now
                if not left:
                    raise
            else:
                return

    async def _write(self, switch: Switch, change: Change) -> None:
        found = await self.cluster.find(CONFIG_MAP, NAME, self.namespace)
        data = (found or {}).get("data") or {}
        kept = {switch.key: changed(data.get(switch.key), change)}
        if sum(len(key) + len(value) for key, value in (data | kept).items()) > MOST:
            raise TerminalError(
                f"ConfigMap {self.namespace}/{NAME} is full: take keys of Canaries that are gone out of it"
            )
        meta = {"name": NAME, "namespace": self.namespace}
        if found is None:
            await self.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": kept})
            return
        fence = {"resourceVersion": found["metadata"]["resourceVersion"]}
        await self.cluster.patch(CONFIG_MAP, NAME, self.namespace, {"metadata": fence, "data": kept})
