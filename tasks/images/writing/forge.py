"""The forge of an automation's repository, with the login that its Secret has or that this installation has."""

from __future__ import annotations

from blocks.connections import Connections
from blocks.forges.base import Forge
from blocks.kubernetes.kinds import SECRET
from sluice.credentials import texts
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation

FORGE_SECRET = "sluice.dev/forge-secret"  # noqa: S105 - the name of an annotation
"""Of an ImageUpdateAutomation: a Secret of its namespace with `token`, and with `type` and `address` for a forge that is not
known by its host."""


async def forge_of(wired: Connections, automation: ImageUpdateAutomation, url: str) -> Forge | None:
    """The forge of a repository; None where there is no way into it.

    Raises:
        NotFoundError: there is no such Secret.
        InvalidError: it does not have what is needed; names the key.
    """
    name = automation.metadata.annotations.get(FORGE_SECRET, "").strip()
    if wired.forge is None:
        return None
    if not name:
        return wired.forge(url)
    secret = await wired.cluster.get(SECRET, name, automation.namespace)
    whence = f"Secret {automation.namespace}/{name} (annotation {FORGE_SECRET})"
    return wired.forge.with_login(url, texts(secret), whence)
