"""The receiver's rights: each is needed by what Receivers ask for, and nothing else is asked of the API server."""

from __future__ import annotations

import asyncio

from blocks.kubernetes import kinds
from blocks.kubernetes.cluster import Kind
from deployments.rights.part import Part
from deployments.rights.right import Where
from deployments.rights.table import rights_of
from sluice.events.receivers.asked import ASKED
from tests.deployments.doors.hook_site import Site, receiver, secret, thing
from tests.deployments.rights.test_rollouts import Guarded, asked_by

GIVEN = asked_by([right for where in Where for right in rights_of((Part.RECEIVER,), where)])
KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, Kind) and kind.kind in ASKED]


async def test_the_receiver_needs_each_of_its_rights_and_no_other() -> None:
    """A Receiver that names all kinds that it may, one by name and the others by their labels."""
    site = Site(Guarded(allowed=set(GIVEN)))
    following = asyncio.create_task(site.hooks.run())
    resources = [{"kind": kind.kind, "name": "*", "matchLabels": {"team": "shop"}} for kind in KINDS]
    resources += [{"kind": kind.kind, "name": "all", "filter": "res.metadata.name == 'all'"} for kind in KINDS]
    things = [thing(kind, "all", team="shop") for kind in KINDS]
    async with site.http:
        site.cluster.add(secret(), receiver("generic", *resources), *things)
        async with asyncio.timeout(10):
            while not site.hooks.open:
                await asyncio.sleep(0)
        answer = await site.call()
    following.cancel()
    await asyncio.wait({following})
    assert (answer.status_code, len(answer.json()["asked"])) == (202, 2 * len(KINDS))
    assert isinstance(site.cluster, Guarded)
    assert site.cluster.used - {("get", kinds.RECEIVER.plural, "")} == GIVEN  # the server reads what it patches itself
    assert len(KINDS) >= 5
