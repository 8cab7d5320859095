"""deliver_image on the lab: what is pushed to the registry comes into git if a policy wants it, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows import deliver_image as story
from flows.deliver_image import deliver_image
from sluice.errors import InvalidError, TerminalError
from tasks.images.write_back import write_back
from tests.flows.lab_team import Team, team

pytestmark = pytest.mark.lab
IMAGE_API = "image.toolkit.fluxcd.io/v1"


@pytest.fixture
async def sut(lab_env: dict[str, Any], prefect_engine: str, tmp_path: Path) -> AsyncIterator[Team]:
    """A team that delivers every release from 1.0.0 on to `apps/shop.yaml`, and canaries to `apps/next.yaml`."""
    async with team(lab_env, tmp_path / "git") as made:
        await made.apply("ImageRepository", IMAGE_API, {"image": made.image, "insecure": True})
        reference = {"imageRepositoryRef": {"name": "shop"}}
        await made.apply("ImagePolicy", IMAGE_API, reference | {"policy": {"semver": {"range": ">=1.0.0"}}})
        await made.apply(
            "ImagePolicy", IMAGE_API, reference | {"policy": {"semver": {"range": ">=1.0.0-0"}}}, name="next"
        )
        await made.source()
        commit = {
            "author": {"email": "bot@example.com"},
            "messageTemplate": "Deliver by {{.AutomationObject}}",
        }
        automation = {
            "sourceRef": {"kind": "GitRepository", "name": "shop"},
            "git": {"commit": commit, "push": {"refspec": "refs/heads/main:refs/heads/copy"}},
        }
        await made.apply("ImageUpdateAutomation", IMAGE_API, automation | {"update": {"path": "./apps"}})
        made.repository.write(
            {f"apps/{name}.yaml": line(made, name, f"{made.image}:0.9.0") for name in ("shop", "next")}
        )
        yield made


def line(one: Team, policy: str, image: str) -> str:
    return f'# {policy}\nspec:\n  image:  {image} # {{"$imagepolicy": "{one.name}:{policy}"}}\n  replicas: 2\n'


async def deliver(one: Team, tag: str, digest: str) -> str:
    said: str = await deliver_image(image=one.image, tag=tag, digest=digest)
    return said


async def test_the_wanted_image_comes_into_git_and_no_other_does(sut: Team) -> None:
    """One commit with tag and digest at the marked line; then late, foreign and moved pushes change nothing."""
    digest = sut.push("1.2.0")
    assert (await deliver(sut, "1.2.0", digest)).startswith("delivered: ")
    assert len(sut.repository.log()) == 2
    for policy in ("shop", "next"):
        wanted = line(sut, policy, f"{sut.image}:1.2.0@{digest}").strip()
        assert sut.repository.read(f"apps/{policy}.yaml") == wanted
    assert sut.repository.log("%an <%ae> %s")[0] == f"sluice <bot@example.com> Deliver by {sut.name}/shop"
    (event,) = sut.events.posted
    assert event.payload == {"url": sut.url, "ref": "main", "commit": sut.repository.head(), "reapply": ""}
    seen = await sut.see(IMAGE_API, "ImageUpdateAutomation")
    assert seen
    assert seen["status"]["lastPushCommit"] == sut.repository.head()
    told = {one["type"]: one["message"] for one in seen["status"]["conditions"]}
    assert told == {"Ready": f"pushed commit '{sut.repository.head()[:7]}' to branch 'main'"}
    assert sut.repository.head("copy") == sut.repository.head()
    policy = await sut.see(IMAGE_API, "ImagePolicy")
    assert policy
    assert policy["status"]["latestRef"] == {"name": sut.image, "tag": "1.2.0", "digest": digest}
    repository = await sut.see(IMAGE_API, "ImageRepository")
    assert repository
    assert repository["status"]["lastScanResult"]["latestTags"] == ["1.2.0"]

    said = await deliver(sut, "1.1.0", sut.push("1.1.0"))
    assert said.startswith("ignored: ")
    assert "wants 1.2.0" in said
    assert (await deliver(sut, "latest", sut.push("latest"))).startswith("ignored: ")
    assert await deliver(sut, "1.2.0", digest) == "unchanged: git had it already"
    moved = sut.push("1.2.0", about="something else")
    said = await deliver(sut, "1.2.0", digest)
    assert said.startswith("refused: ")
    assert moved in said
    assert len(sut.repository.log()) == 2
    said = await deliver_image(image="registry.example/other", tag="1.0.0", digest=digest)
    assert said == "ignored: no ImageRepository names registry.example/other"


async def test_two_images_at_once_both_land(sut: Team) -> None:
    """A release and a prerelease pushed at the same moment: each policy gets its own, neither takes the other's back."""
    digests = {tag: sut.push(tag) for tag in ("1.5.0", "1.6.0-rc.1")}
    done = await asyncio.gather(*(deliver(sut, tag, digest) for tag, digest in digests.items()))
    assert all(said.startswith("delivered: ") for said in done)
    assert f":1.5.0@{digests['1.5.0']} #" in sut.repository.read("apps/shop.yaml")
    assert f":1.6.0-rc.1@{digests['1.6.0-rc.1']} #" in sut.repository.read("apps/next.yaml")
    assert len(sut.repository.log()) == 3


async def test_a_wrong_policy_stops_only_itself(sut: Team) -> None:
    """Somebody's typing error is told where it is the only policy, and does not stop another team's delivery."""
    wrong = {"imageRepositoryRef": {"name": "shop"}, "policy": {"semver": {"range": "newest"}}}
    await sut.apply("ImagePolicy", IMAGE_API, wrong, name="next")
    assert (await deliver(sut, "1.0.0", sut.push("1.0.0"))).startswith("delivered: ")
    await sut.apply("ImagePolicy", IMAGE_API, wrong)
    with pytest.raises(InvalidError, match=r"spec\.policy\.semver\.range 'newest'"):
        await deliver(sut, "1.1.0", sut.push("1.1.0"))


async def test_a_delivery_that_was_overtaken_does_not_take_the_newer_back(
    sut: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It chose before the newer image came and writes after it did, because git was away for a while: the newer stays."""
    digests = {"1.2.0": sut.push("1.2.0")}

    async def overtaken(wanted: Any) -> Any:
        monkeypatch.setattr(story, "write_back", write_back)
        digests["1.3.0"] = sut.push("1.3.0")
        assert (await deliver(sut, "1.3.0", digests["1.3.0"])).startswith("delivered: ")
        return await write_back(wanted)

    monkeypatch.setattr(story, "write_back", overtaken)
    assert (await deliver(sut, "1.2.0", digests["1.2.0"])).startswith("delivered: ")
    for policy in ("shop", "next"):
        assert f":1.3.0@{digests['1.3.0']} #" in sut.repository.read(f"apps/{policy}.yaml")
    assert sut.events.posted[-1].payload["commit"] == sut.repository.head()


async def test_one_automation_that_cannot_write_does_not_stop_the_other(sut: Team) -> None:
    """A push that one repository refuses is told on its automation and in the run; the other one has its commit."""
    await sut.source("gone", url=sut.url.replace(sut.name, f"{sut.name}-gone"))
    spec = {"sourceRef": {"kind": "GitRepository", "name": "gone"}, "git": {"commit": {"author": {"email": "a@b"}}}}
    await sut.apply("ImageUpdateAutomation", IMAGE_API, spec, name="broken")
    with pytest.raises(TerminalError, match=r"delivered: .*broken"):
        await deliver(sut, "1.0.0", sut.push("1.0.0"))
    assert ":1.0.0@" in sut.repository.read("apps/shop.yaml")
    assert sut.events.posted[-1].payload["commit"] == sut.repository.head()
    seen = await sut.see(IMAGE_API, "ImageUpdateAutomation", "broken")
    assert seen
    (ready,) = [one for one in seen["status"]["conditions"] if one["type"] == "Ready"]
    assert ready["status"] == "False"
    assert "not found" in ready["message"]


async def test_a_registry_that_refuses_us_is_told_on_its_repository(sut: Team) -> None:
    """Where to put the credentials right is where the reason stands."""
    await sut.apply("ImageRepository", IMAGE_API, {"image": sut.image, "secretRef": {"name": "none"}})
    with pytest.raises(InvalidError, match="none"):
        await deliver(sut, "1.0.0", sut.push("1.0.0"))
    seen = await sut.see(IMAGE_API, "ImageRepository")
    assert seen
    (ready,) = [one for one in seen["status"]["conditions"] if one["type"] == "Ready"]
    assert ready["status"] == "False"
