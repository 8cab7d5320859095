"""Keeping, on a real cluster with real users: one application, to which somebody does one thing after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import Connections, connected
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, EVENT, HTTP_ROUTE, SERVICE
from deployments.keeper.keeper import Keeper
from lab.load.summary import between
from sluice.errors import NotFoundError
from tests.flows import lab_app
from tests.flows.lab_app import App, app, install_kinds, push_images, wired

pytestmark = pytest.mark.lab
SETTLED = 3.0
"""Seconds that the data plane gets to follow what is right in the cluster."""


@dataclass(frozen=True)
class Deed:
    """What came of one deed.

    Attributes:
        seconds: until it was put right in the cluster.
        failed, requests: what users got from the deed until it was put right and the data plane had followed.
        after: what failed in the seconds after that.
    """

    seconds: float
    failed: int
    requests: int
    after: int


async def done(it: App, deed: Callable[[], Awaitable[Any]], right: Callable[[], Awaitable[bool]]) -> Deed:
    """Do it under load, and wait until it is put right."""
    began, clock = time.time(), time.monotonic()
    await deed()
    while not await right():
        assert time.monotonic() - clock < lab_app.PATIENCE, "it is not put right"
        await asyncio.sleep(0.02)
    seconds = time.monotonic() - clock
    await asyncio.sleep(SETTLED)
    settled = time.time()
    await asyncio.sleep(SETTLED)
    users = it.users.read()
    meanwhile, later = between(users, began, settled), between(users, settled, time.time())
    return Deed(
        seconds, sum(u.failed or u.status == 404 for u in meanwhile), len(meanwhile), sum(u.failed for u in later)
    )


async def there(it: App, kind: Kind, name: str, uid: str) -> bool:
    """Whether another object has the place of the one that was deleted."""
    with suppress(NotFoundError):
        return str((await it.cluster.get(kind, name, it.namespace))["metadata"]["uid"]) != uid
    return False


async def lost(it: App, kind: Kind, name: str, right: Callable[[], Awaitable[bool]] | None = None) -> Deed:
    """Somebody deletes an object."""
    uid = str((await it.cluster.get(kind, name, it.namespace))["metadata"]["uid"])

    async def back() -> bool:
        return await there(it, kind, name, uid) and (right is None or await right())

    return await done(it, lambda: it.cluster.delete(kind, name, it.namespace), back)


async def serves(it: App) -> bool:
    """Whether the primary's pods are ready."""
    return bool((await it.cluster.get(DEPLOYMENT, "shop-primary", it.namespace)).get("status", {}).get("readyReplicas"))


async def edited(it: App) -> Deed:
    """Somebody sets another image at the primary."""

    async def by_hand() -> None:
        primary = await it.cluster.get(DEPLOYMENT, "shop-primary", it.namespace)
        (container,) = primary["spec"]["template"]["spec"]["containers"]
        container = {**container, "image": container["image"].rpartition(":")[0] + ":1.1.0-bad"}
        body = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await it.cluster.patch(DEPLOYMENT, "shop-primary", it.namespace, body)
        assert await it.image("shop-primary") in {"1.1.0-bad", "1.0.0"}

    async def put_back() -> bool:
        return await it.image("shop-primary") == "1.0.0"

    return await done(it, by_hand, put_back)


async def in_a_release(it: App) -> tuple[Deed, str]:
    """Somebody deletes the canary's Service while it has users."""
    await it.set_image("1.1.0")
    run = it.start()
    await it.until_weight(30)
    deed = await lost(it, SERVICE, "shop-canary")
    return deed, await run


async def made_again(it: App) -> str:
    """The Canary is deleted, and made again before the garbage collector has come to what the old one owned."""
    manifest = await it.canary()
    body = {name: manifest[name] for name in ("apiVersion", "kind", "spec")}
    await it.cluster.delete(CANARY, "shop", it.namespace)
    await it.cluster.create({**body, "metadata": {"name": "shop", "namespace": it.namespace}})
    return await it.start()


async def story(env: dict[str, Any], folder: Path) -> dict[str, Any]:
    """All deeds, one after the other."""
    spec = {"analysis": {"interval": "8s"}}
    async with wired(env) as connections, kept_by(connections):
        await install_kinds(connections.cluster)
        async with app(env, connections.cluster, "kept", folder, spec) as it:
            deeds: dict[str, Any] = {"route": await lost(it, HTTP_ROUTE, "shop")}
            deeds["edit"] = await edited(it)
            deeds["primary"] = await lost(it, DEPLOYMENT, "shop-primary", lambda: serves(it))
            deeds["service"], deeds["release"] = await in_a_release(it)
            events = await it.cluster.list(EVENT, it.namespace)
            deeds["events"] = [one["message"] for one in events if one.get("reason") == "Restored"]
            deeds["again"] = await made_again(it)
            await asyncio.sleep(2 * SETTLED)
            now = time.time()
            await asyncio.sleep(SETTLED)
            deeds["after"] = between(it.users.read(), now, time.time())
            deeds["canary"], deeds["served"] = await it.canary(), await serves(it)
            deeds["owners"] = (await it.cluster.get(DEPLOYMENT, "shop-primary", it.namespace))["metadata"][
                "ownerReferences"
            ]
            return deeds


class kept_by:  # noqa: N801 - used as a verb
    """A keeper of this process, as a worker has one."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections

    async def __aenter__(self) -> None:
        self.bound = connected(self.connections)
        self.bound.__enter__()
        self.task = asyncio.create_task(Keeper.of(self.connections).keep())

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.bound.__exit__(None, None, None)


@pytest.fixture(scope="module")
def deeds(lab_env: dict[str, Any], prefect_engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    push_images(lab_env)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab_app, "RATE", 100)
        return asyncio.run(story(lab_env, tmp_path_factory.mktemp("users")))


@pytest.mark.parametrize("what", ["route", "edit", "primary", "service"])
def test_what_somebody_did_is_put_right_and_users_are_served_as_before(deeds: dict[str, Any], what: str) -> None:
    """The counts are printed; that it ends is what is asserted."""
    deed: Deed = deeds[what]
    print(f"{what}: put right after {deed.seconds:.2f} s, {deed.failed} of {deed.requests} requests failed")
    assert deed.requests > 100
    assert deed.after == 0


def test_people_read_what_was_put_right(deeds: dict[str, Any]) -> None:
    """Each object once."""
    for named in ("HTTPRoute shop", "Deployment shop-primary", "Service shop-canary"):
        assert any(named in message for message in deeds["events"]), deeds["events"]


def test_the_release_whose_service_was_deleted_goes_on(deeds: dict[str, Any]) -> None:
    """Its canary is good; what users lost in between was counted or not, the step went on once all was right."""
    assert deeds["release"].split(":")[0] in {"promoted", "rolled back"}


def test_a_canary_that_is_made_again_serves_by_what_is_its_own(deeds: dict[str, Any]) -> None:
    """Not by the old one's primary, which the garbage collector takes."""
    assert deeds["again"].startswith("initialised")
    assert [one["uid"] for one in deeds["owners"]] == [deeds["canary"]["metadata"]["uid"]]
    assert deeds["served"]
    assert deeds["after"]
    assert not [user for user in deeds["after"] if user.failed]
