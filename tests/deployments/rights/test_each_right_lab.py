"""Each right on a real API server with RBAC: the act that needs it works with it, and without it says which it was.

One service account for each right of each part has all of the others. A right that is added to the table has an account at
once, and fails here until its kind has a sample and its verb an act.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes import informers
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import EVENT, NAMESPACE, SECRET
from blocks.kubernetes.reports import report
from deployments.rights.part import Part
from deployments.rights.review import Reviewer
from deployments.rights.right import Right
from deployments.rights.table import RIGHTS
from sluice.errors import SluiceError, TerminalError
from sluice.manifests.flagger.canary import Canary
from tests.deployments.rights.accounts import EACH, LOGIN, NAME, Accounts, Lacking, samples, version
from tests.flows.lab_app import install_kinds
from tests.samples import canary_manifest

Object = dict[str, Any]
Act = Callable[[Cluster, Right, str], Awaitable[object]]
SETTLES = 10.0
"""Seconds after which the authorizer knows what was bound before; it takes milliseconds."""
NOBODY_ACTS = {("update", "canaries/finalizers.flagger.app")}
"""Asked for by an admission plugin of other clusters (OpenShift), in the name of who makes an object with an owner."""
FOLLOWED = {one.kind for one in RIGHTS if "watch" in one.verbs} - {EVENT}
"""By informers; Events are followed by what sends alerts."""


def sample(right: Right, namespace: str) -> Object:
    """The one of its kind; the name of another where none is made before."""
    made = {(one["apiVersion"], one["kind"]): one for one in samples(namespace)}
    return made[(right.kind.api_version, right.kind.kind)]


async def get(cluster: Cluster, right: Right, namespace: str) -> None:
    await cluster.get(right.kind, {SECRET: LOGIN, NAMESPACE: namespace}.get(right.kind, NAME), namespace)


async def listed(cluster: Cluster, right: Right, namespace: str) -> None:
    """As a flow looks: through an informer where one follows the kind."""
    if right.kind not in FOLLOWED:
        await cluster.list(right.kind, namespace)
        return
    async with informed(cluster, (namespace,)) as it:
        await it.list(right.kind, namespace)


async def asked_at_once(cluster: Cluster, right: Right, namespace: str) -> None:
    """A list without an informer, which would wait for the right to be given."""
    await cluster.list(right.kind, namespace)


async def watch(cluster: Cluster, right: Right, namespace: str) -> None:
    async for change in cluster.watch(right.kind, "0", namespace):
        assert change.object["metadata"]["name"]
        return


async def create(cluster: Cluster, right: Right, namespace: str) -> None:
    """As a stage makes it: with server-side apply where a stage applies, else as a new object."""
    if right.kind == EVENT:
        await report(cluster, Canary.parse(canary_manifest() | {"metadata": _meta(namespace)}), "Kept", "put right")
        return
    item = sample(right, namespace)
    item["metadata"]["name"] = f"made-{uuid4().hex[:8]}"
    applied = any(one.kind == right.kind and "patch" in one.verbs and not one.subresource for one in RIGHTS)
    await (cluster.apply(item) if applied else cluster.create(item))


async def patch(cluster: Cluster, right: Right, namespace: str) -> None:
    body: Object = {"metadata": {"annotations": {"sluice.dev/tried": uuid4().hex}}}
    if right.subresource:
        body = {"status": {"observedGeneration": uuid4().int % 1000}}
    await cluster.patch(right.kind, NAME, namespace, body, subresource=right.subresource or None)


async def update(cluster: Cluster, right: Right, namespace: str) -> None:
    item = await cluster.get(right.kind, NAME, namespace)  # its version is the fence
    item["metadata"]["labels"] = {"sluice.dev/tried": uuid4().hex}
    await cluster.replace(right.kind, item)


async def delete(cluster: Cluster, right: Right, namespace: str) -> None:
    await cluster.delete(right.kind, f"none-{uuid4().hex[:8]}", namespace)


ACTS: dict[str, Act] = {
    "get": get,
    "list": listed,
    "watch": watch,
    "create": create,
    "patch": patch,
    "update": update,
    "delete": delete,
}


def _meta(namespace: str) -> Object:
    return {"name": NAME, "namespace": namespace, "uid": str(uuid4()), "resourceVersion": "1"}


def test_every_right_has_an_act() -> None:
    """A verb without one, or a kind without a sample that its act needs, is a right that nobody tried."""
    made = {(one["apiVersion"], one["kind"]) for one in [*samples("any"), {"apiVersion": "v1", "kind": NAMESPACE.kind}]}
    for right in RIGHTS:
        assert set(right.verbs) <= set(ACTS), right
        needed = set(right.verbs) - {"list", "create"} or right.kind in FOLLOWED
        assert not needed or (right.kind.api_version, right.kind.kind) in made, right


@pytest.fixture(scope="module")
def accounts(lab_env: Object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """An account for each right that is lacking, and one for each part that has all."""
    it = Accounts(lab_env, f"rights-{uuid4().hex[:6]}", tmp_path_factory.mktemp("accounts"))

    async def install() -> None:
        admin = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
        await install_kinds(admin)
        await it.install(admin, [*EACH, *map(Lacking, Part)])
        await admin.close()

    async def remove() -> None:
        admin = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
        await it.remove(admin)
        await admin.close()

    asyncio.run(install())
    yield it
    asyncio.run(remove())


@pytest.fixture
async def admin(lab_env: Object) -> AsyncIterator[Cluster]:
    cluster = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
    yield cluster
    await cluster.close()


async def doctor(accounts: Accounts, lacking: Lacking, cluster: Cluster) -> list[str]:
    """What the doctor says is missing, once the authorizer knows the roles, or after a while whatever it says."""
    missing: list[str] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLES):
            while True:
                missing = await _missing(Reviewer(cluster, accounts.namespace, (lacking.part,)))
                if _alone(missing, lacking):
                    break
                await asyncio.sleep(0.1)
    return missing


async def _missing(reviewer: Reviewer) -> list[str]:
    try:
        await reviewer.ping()
    except TerminalError as error:
        return str(error).partition("are missing: ")[2].split("; ")
    return []


def _alone(missing: list[str], lacking: Lacking) -> bool:
    """Whether this is the only right that is missing; each row of it has its reason."""
    named = f"{lacking.verb} {lacking.resource}"
    reasons = {f"({row.why})" for row in lacking.rows()}
    shown = {f"({one.partition(' (')[2]}" for one in missing}
    return shown == reasons and all(one.startswith(f"{named} ") for one in missing)


@pytest.mark.lab
@pytest.mark.parametrize("lacking", EACH, ids=str)
async def test_without_a_right_its_act_says_which_and_the_doctor_what_for(
    accounts: Accounts, admin: Cluster, lacking: Lacking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verb, resource, namespace and the way out, at once and not as an outage that might pass; nothing was written."""
    monkeypatch.setattr(informers, "SYNC_WITHIN", 1.0)
    cluster = await accounts.connect(lacking)
    try:
        missing = await doctor(accounts, lacking, cluster)
        assert _alone(missing, lacking), missing
        right = lacking.rows()[0]
        if (lacking.verb, lacking.resource) in NOBODY_ACTS:
            return
        before = await version(admin, right.kind, accounts.namespace)
        with pytest.raises(SluiceError) as refused:
            await ACTS[lacking.verb](cluster, right, accounts.namespace)
        said = str(refused.value)
        assert f'cannot {lacking.verb} resource "{right.resource}"' in said
        assert f'in the namespace "{accounts.namespace}"' in said
        assert "`sluice doctor` names the rights that are missing" in said
        assert isinstance(refused.value, TerminalError) or lacking.verb == "list"
        assert await version(admin, right.kind, accounts.namespace) == before
    finally:
        await cluster.close()


@pytest.mark.lab
@pytest.mark.parametrize("part", Part)
async def test_with_all_rights_of_a_part_each_act_works_and_none_is_missing(accounts: Accounts, part: Part) -> None:
    """And nothing more is given: what another part may do is refused."""
    lacking = Lacking(part)
    cluster = await accounts.connect(lacking)
    try:
        assert await doctor(accounts, lacking, cluster) == []
        for one in EACH:
            right = one.rows()[0]
            if one.part is part and (one.verb, one.resource) not in NOBODY_ACTS:
                await ACTS[one.verb](cluster, right, accounts.namespace)
            elif Lacking(part, one.verb, one.resource) not in EACH:
                with pytest.raises(TerminalError, match=r"cannot \w+ resource"):
                    await (ACTS | {"list": asked_at_once})[one.verb](cluster, right, accounts.namespace)
    finally:
        await cluster.close()
