"""An audit in the ordinary world: two workers at once, an audit that is deleted, and what runs in pods."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from blocks.forges.github import GitHub
from blocks.forges.gitlab import GitLab
from tasks.flags.auditing.removals.deployed import ORIGIN, SOURCE
from tests.blocks.sources.oci_server import MANIFEST, OciServer, digest_of
from tests.tasks.flags.auditing.world import TEAM, World

APPS = "apps/v1"
RELEASES = "flagger.app/v1beta1"


@pytest.fixture
def registry() -> Iterator[OciServer]:
    made = OciServer()
    yield made
    made.close()


async def test_two_workers_audit_one_after_the_other(sut: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds in the status what the first did: one pull request, and one word about it."""
    sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    inside: list[int] = [0]
    most: list[int] = [0]
    ask = sut.service.flags

    async def counted(environment: str) -> Any:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        await asyncio.sleep(0.05)
        inside[0] -= 1
        return await ask(environment)

    monkeypatch.setattr(sut.service, "flags", counted)
    states = await asyncio.gather(sut.run(), sut.run())
    assert [one.name for one in states] == ["Audited", "Audited"]
    assert most == [1]
    assert [one["method"] for one in await sut.asked() if one["path"].endswith("/pulls")] == ["POST"]
    assert [one.state for one in sut.status.removals] == ["open"]


async def test_what_a_deleted_audit_proposed_stays_and_the_next_one_goes_on_with_it(sut: World) -> None:
    """A pull request is in people's hands: it is neither closed nor made twice."""
    sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    sut.cluster.objects.pop(("FlagAudit", TEAM, "weekly"))
    assert (await sut.run()).name == "Incomplete"
    assert [one["state"] for one in await sut.pulls()] == ["open"]
    sut.audit()
    await sut.run()
    assert [one["state"] for one in await sut.pulls()] == ["open"]
    assert [one.number for one in sut.status.removals] == [1]


async def test_an_audit_that_keeps_all_flags_closes_what_it_proposed(sut: World) -> None:
    """The way out before an audit is deleted."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    sut.audit(keep=["*"])
    await sut.run()
    assert [one["state"] for one in await sut.pulls()] == ["closed"]
    assert sut.status.removals == ()
    assert repository.log() == ["write"]


def image(registry: OciServer, tag: str, labels: dict[str, str]) -> str:
    """Push an image with these labels; how a pod's status names it."""
    raw = json.dumps({"config": {"Labels": labels}}).encode()
    registry.blobs[digest_of(raw)] = raw
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(raw), "size": len(raw)}
    digest = registry.put("shop", tag, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})
    return f"{registry.host}/shop@{digest}"


def runs(sut: World, kind: str, name: str, *images: str) -> None:
    """A workload with one pod that runs these images, one of them a sidecar's."""
    labels = {"app": name}
    names = [f"c{at}" for at, _ in enumerate(images)]
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": one, "image": "shop"} for one in names]},
    }
    sut.put(kind, APPS, name, {"selector": {"matchLabels": labels}, "template": template})
    status = {
        "containerStatuses": [{"name": one, "imageID": name} for one, name in zip(names, images, strict=True)],
    }
    head = {"name": f"{name}-0", "namespace": TEAM, "labels": labels, "uid": f"uid-{name}-0"}
    sut.cluster.add({"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": {}, "status": status})


def asked(sut: World, kind: str) -> None:
    """The audit of a shop that an object of this kind runs."""
    by = [{"kind": kind, "name": "shop"}]
    sut.audit(archive=True, repositories=[{"sourceRef": {"name": "shop"}, "deployedBy": by}])


@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "StatefulSet"])
async def test_a_workload_s_images_show_what_is_deployed(kind: str, sut: World, registry: OciServer) -> None:
    """By the label of those that are built from the repository; a sidecar's is another's."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    asked(sut, kind)
    await sut.run()
    before, url = repository.head(), f"{sut.server.url}/{TEAM}/shop.git"
    sidecar = image(registry, "proxy", {ORIGIN: "f" * 40, SOURCE: "https://git.example/others/proxy"})
    runs(sut, kind, "shop", image(registry, "1", {ORIGIN: before, SOURCE: url}), sidecar)
    merged = await sut.merge(repository)
    assert f"{kind} team/shop is at {before[:12]}, without the removal" in (await sut.run()).message
    runs(sut, kind, "shop", image(registry, "2", {ORIGIN: merged, SOURCE: url}), sidecar)
    await sut.run()
    assert sut.service.archived == ["new-checkout"]


async def test_of_a_canary_target_and_primary_have_to_have_the_removal(sut: World, registry: OciServer) -> None:
    """As long as users are at the primary, what its pods run counts."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    asked(sut, "Canary")
    sut.put("Canary", RELEASES, "shop", {"targetRef": {"apiVersion": APPS, "kind": "Deployment", "name": "shop"}})
    await sut.run()
    old = image(registry, "1", {ORIGIN: repository.head()})
    new = image(registry, "2", {ORIGIN: await sut.merge(repository)})
    runs(sut, "Deployment", "shop", new)
    runs(sut, "Deployment", "shop-primary", old)
    assert "without the removal" in (await sut.run()).message
    runs(sut, "Deployment", "shop-primary", new)
    await sut.run()
    assert sut.service.archived == ["new-checkout"]


@pytest.mark.parametrize("labels", [{}, {SOURCE: "https://git.example/others/proxy", ORIGIN: "f" * 40}])
async def test_an_image_that_does_not_say_what_it_was_built_from_archives_nothing(
    labels: dict[str, str], sut: World, registry: OciServer
) -> None:
    """And names the label that is missing."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    asked(sut, "StatefulSet")
    await sut.run()
    await sut.merge(repository)
    runs(sut, "StatefulSet", "shop", image(registry, "1", labels))
    assert f"no image of StatefulSet team/shop has the label {ORIGIN}" in (await sut.run()).message
    assert sut.service.archived == []


PAGE = """\
import {{ useFlags }} from "launchdarkly-react-client-sdk";

export const Page = () => {{
  const {{ newCheckout }} = useFlags();
  return newCheckout ? <New /> : <{other} />;
}};
"""


async def test_a_flag_that_is_taken_by_a_name_made_of_its_key_is_the_one_of_that_key(sut: World) -> None:
    """It is found, removed by a pull request, and archived by what is deployed; the name is no flag of its own."""
    repository = sut.repository(files={"shop.py": "x = 1\n", "page.tsx": PAGE.format(other="Old")})
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    assert {one.key: one.finding for one in sut.status.flags} == {"new-checkout": "fully-on"}
    branch = (await sut.pulls())[0]["head"]["ref"]
    assert repository.read("page.tsx", branch) == "export const Page = () => {\n  return <New />;\n};"


async def test_a_name_that_may_be_either_of_two_flags_is_neither_s(sut: World) -> None:
    """As a key that is put together at run time: then nothing is called unused for certain."""
    sut.repository(files={"page.tsx": PAGE.format(other="Old")})
    sut.service.put("new-checkout")
    sut.service.put("new_checkout")
    sut.audit()
    await sut.run()
    assert await sut.pulls() == []
    assert sut.service.archived == []


async def test_findings_are_in_code_scanning_and_are_gone_when_all_is_clean(sut: World) -> None:
    """One run for the repository at each audit, also an empty one; a run over some flags shows none."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit(codeScanning=True, openPullRequests=False)
    await sut.run()
    repository.write({"shop.py": "x = 1\n"})
    await sut.run()
    await sut.run(only=("new-checkout",))
    bodies = [one["body"] for one in await sut.asked() if one["path"].endswith("/code-scanning/sarifs")]
    found = [json.loads(gzip.decompress(base64.b64decode(one["sarif"])))["runs"] for one in bodies]
    assert [len(runs) for runs in found] == [1, 1]
    assert [[one["ruleId"] for one in run["results"]] for (run,) in found] == [["flag/fully-on"], []]
    assert [one["ref"] for one in bodies] == ["refs/heads/main"] * 2
    assert bodies[1]["commit_sha"] == repository.head()


async def test_a_forge_that_takes_no_findings_is_said_and_the_audit_is_whole_otherwise(
    sut: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the condition, with the repository."""
    sut.repository()
    sut.service.put("new-checkout")
    sut.audit(codeScanning=True)
    monkeypatch.setattr(GitHub, "show_findings", GitLab.show_findings)
    await sut.run()
    ready, said = sut.ready
    assert ready == "False"
    assert "team/shop: the findings are not in its code scanning: GitLab takes no SARIF" in said
    assert [one["state"] for one in await sut.pulls()] == ["open"]
