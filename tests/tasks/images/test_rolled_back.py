"""A version that was rolled back stays out, and git goes back to what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.tenants import Tenants
from sluice.errors import TransientError
from sluice.images.quarantine import ANNOTATION, FILE, RELEASE, read
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.workloads import workload_of
from tasks.images.writing.keep_out import find_rolled_back, keep_out
from tests.memory_cluster import MemoryCluster
from tests.samples import canary_manifest, deployment, merged
from tests.tasks.images.ground import IMAGE, TEAM, Ground, digest, ground, line

OF_RELEASE = [("Canary", TEAM, "shop"), ("Deployment", TEAM, "shop"), ("Deployment", TEAM, "shop-primary")]
OLD, BAD = digest("1"), digest("2")
PINNED_OLD, PINNED_BAD = f"1.1.0@{OLD}", f"1.2.0@{BAD}"


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    """1.1.0 runs; 1.2.0 was delivered and rolled back."""
    async with ground(tmp_path, monkeypatch) as made:
        made.repository.write({"apps/shop.yaml": line(PINNED_OLD)})
        made.source()
        made.automation()
        await made.deliver("1.2.0", BAD)
        rolled_back(made)
        yield made


def rolled_back(sut: Ground, target: str = PINNED_BAD, primary: str = PINNED_OLD, **status: Any) -> None:
    space = {"metadata": {"namespace": TEAM}}
    target_object = merged(deployment(f"{IMAGE}:{target}"), space)
    sut.cluster.add(target_object, merged(deployment(f"{IMAGE}:{primary}", name="shop-primary"), space))
    canary = merged(canary_manifest(), space)
    model = Canary.parse(canary)
    live = sut.cluster.now("Deployment", "shop", TEAM)
    runs = sut.cluster.now("Deployment", "shop-primary", TEAM)
    ended = {
        "phase": "Failed",
        "lastAppliedSpec": workload_of(model).revision(model, live),
        "lastPromotedSpec": f"of {runs['metadata']['name']}",
        "begunWith": {"version": "1.2.0", "targetRef": canary["spec"]["targetRef"]},
        "conditions": [{"type": "Promoted", "status": "False", "message": "1.2.0 was rolled back: too many errors"}],
    }
    sut.cluster.add(canary | {"status": merged(ended, status)})


async def test_git_goes_back_to_what_runs_and_says_why(sut: Ground) -> None:
    """One commit: the line, and the version in the list of what stays out. Then nothing is left to do."""
    assert "1.2.0" in sut.repository.read("apps/shop.yaml")
    (event,) = await keep_out.fn(TEAM, "shop")
    assert (event.namespace, event.automation) == (TEAM, "auto")
    sut.later()
    (written,) = await sut.turn()
    assert sut.repository.read("apps/shop.yaml") == line(PINNED_OLD).strip()
    assert sut.repository.log()[0] == "Roll back shop:1.2.0 to 1.1.0"
    assert "too many errors" in "\n".join(sut.repository.log("%B"))
    (kept,) = read(sut.repository.read(FILE))
    assert (str(kept.image), str(kept.back_to)) == (f"{IMAGE}:{PINNED_BAD}", f"{IMAGE}:{PINNED_OLD}")
    assert written.rolled_back == (f"shop:1.2.0 → {IMAGE}:{PINNED_OLD}",)
    assert read(sut.notes()[ANNOTATION]) == [kept]
    assert sut.cluster.now("ImagePolicy", "shop", TEAM)["status"]["latestRef"]["tag"] == "1.1.0"
    commits = len(sut.repository.log())
    for _ in range(2):
        sut.later()
        assert await find_rolled_back.fn() == []
        assert await sut.look() == []
    assert len(sut.repository.log()) == commits


async def test_a_rollout_s_end_that_nobody_carried_on_is_found(sut: Ground) -> None:
    """The worker died right after the rollback, or Prefect was away: the next look does all of it."""
    assert [one.automation for one in await find_rolled_back.fn()] == ["auto"]
    sut.later()
    await sut.turn()
    assert "1.1.0" in sut.repository.read("apps/shop.yaml")


async def test_while_git_is_away_the_version_is_kept_out_all_the_same(sut: Ground) -> None:
    """And the rollback is written as soon as git answers."""
    sut.server.status = 503
    await keep_out.fn(TEAM, "shop")
    sut.later()
    assert await sut.look() == []
    assert sut.ready()[0] == "False"
    assert read(sut.notes()[ANNOTATION])
    sut.server.status = 0
    sut.later()
    await sut.turn()
    assert "1.1.0" in sut.repository.read("apps/shop.yaml")


@pytest.mark.parametrize("theirs", ["1.2.1", "1.0.5", f"1.2.0@{digest('3')}"], ids=["forward", "back", "tag moved"])
async def test_where_a_person_has_moved_git_on_nothing_is_overwritten(sut: Ground, theirs: str) -> None:
    """Forward or back: git says what the person said, now and at the next interval."""
    sut.repository.write({"apps/shop.yaml": line(theirs)})
    await keep_out.fn(TEAM, "shop")
    for _ in range(2):
        sut.later()
        await sut.turn()
        assert sut.repository.read("apps/shop.yaml") == line(theirs).strip()
    assert read(sut.repository.read(FILE))


async def test_where_the_target_has_moved_on_nothing_is_done(sut: Ground) -> None:
    """Another version is on its way: the journal is not about what is there."""
    rolled_back(sut, target="1.3.0", lastAppliedSpec="another")
    assert await keep_out.fn(TEAM, "shop") == []
    assert ANNOTATION not in sut.notes()


async def test_an_empty_cluster_has_the_list_from_git(sut: Ground) -> None:
    """The policy knows nothing and chooses the version; git does not take it, and the policy learns."""
    await keep_out.fn(TEAM, "shop")
    sut.later()
    await sut.turn()
    for key in [key for key in sut.cluster.objects if key[0] in ("ImagePolicy", "Canary", "Deployment")]:
        del sut.cluster.objects[key]
    await sut.deliver("1.2.0", BAD)
    assert sut.repository.read("apps/shop.yaml") == line(PINNED_OLD).strip()
    assert [one.image.tag for one in read(sut.notes()[ANNOTATION])] == ["1.2.0"]
    await sut.deliver("1.3.0", digest("4"))
    assert "1.3.0" in sut.repository.read("apps/shop.yaml")


async def test_a_person_lets_a_version_in_again(sut: Ground) -> None:
    """One annotation: it leaves both lists, and the Canary may try it once more."""
    await keep_out.fn(TEAM, "shop")
    sut.later()
    await sut.turn()
    sut.policy("1.2.0", by=BAD, annotations={RELEASE: "1.2.0"})
    sut.later()
    assert await sut.turn()
    assert "1.2.0" in sut.repository.read("apps/shop.yaml")
    assert read(sut.repository.read(FILE)) == []
    assert not {ANNOTATION, RELEASE} & set(sut.notes())
    status = sut.cluster.now("Canary", "shop", TEAM)["status"]
    assert status["lastAppliedSpec"] == status["lastPromotedSpec"]
    sut.later()
    assert await sut.look() == []


async def test_another_team_s_policy_for_the_same_image_is_not_touched(sut: Ground) -> None:
    """Only those that deliver to the Canary: by the Kustomization that applied its target, else by its namespace."""
    theirs = merged(sut.cluster.now("ImagePolicy", "shop", TEAM), {"metadata": {"namespace": "other", "uid": "x"}})
    automation = merged(
        sut.cluster.now("ImageUpdateAutomation", "auto", TEAM), {"metadata": {"namespace": "other", "uid": "y"}}
    )
    sut.cluster.add(theirs, automation)
    assert [one.namespace for one in await keep_out.fn(TEAM, "shop")] == [TEAM]
    assert not sut.cluster.now("ImagePolicy", "shop", "other")["metadata"].get("annotations")


async def test_policies_of_another_namespace_that_deliver_to_the_canary_are_found(sut: Ground) -> None:
    """The Kustomization that applied the target says from which source; its automations may be anywhere."""
    for kind, name in (("ImagePolicy", "shop"), ("ImageUpdateAutomation", "auto")):
        moved = merged(sut.cluster.now(kind, name, TEAM), {"metadata": {"namespace": "flux-system"}})
        if kind == "ImageUpdateAutomation":
            moved["spec"]["sourceRef"]["namespace"] = TEAM
        del sut.cluster.objects[kind, TEAM, name]
        sut.cluster.add(moved)
    inventory = {"entries": [{"id": f"{TEAM}_shop_apps_Deployment", "v": "v1"}]}
    source = {"kind": "GitRepository", "name": "fleet", "namespace": TEAM}
    sut.cluster.add(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system", "uid": "k"},
            "spec": {"sourceRef": source, "interval": "1m", "prune": True},
            "status": {"inventory": inventory},
        }
    )
    assert [one.namespace for one in await keep_out.fn(TEAM, "shop")] == ["flux-system"]


class OtherCluster(Tenants):
    """A region in memory, which may be away."""

    cluster: MemoryCluster
    away = False

    @asynccontextmanager
    async def elsewhere(self, home: Any, namespace: str, wanted: Any) -> AsyncIterator[Any]:
        if self.away:
            raise TransientError("the cluster does not answer")
        yield self.cluster


async def test_what_a_region_rolled_back_stays_out_here_where_its_policies_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own sluice has no policy: the one that syncs to it keeps the version out, and git goes back for all regions."""
    region = OtherCluster()
    async with ground(tmp_path, monkeypatch, tenants=region) as sut:
        sut.repository.write({"apps/shop.yaml": line(PINNED_OLD)})
        sut.source()
        sut.automation()
        await sut.deliver("1.2.0", BAD)
        rolled_back(sut)
        region.cluster = MemoryCluster(objects={key: sut.cluster.objects.pop(key) for key in OF_RELEASE})
        check = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "shop", "namespace": TEAM}
        spec = {
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
            "interval": "1m",
            "prune": True,
            "kubeConfig": {"secretRef": {"name": "east"}},
            "healthChecks": [check],
        }
        sut.put("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "east", spec)
        assert await find_rolled_back.fn() == [], "nothing has failed there"
        failed = {"type": "Ready", "status": "False", "reason": "HealthCheckFailed", "message": "Canary 'Failed'"}
        east = sut.cluster.now("Kustomization", "east", TEAM)
        sut.cluster.add({**east, "status": {"conditions": [failed]}})
        region.away = True
        assert await find_rolled_back.fn() == []
        region.away = False
        assert [one.automation for one in await find_rolled_back.fn()] == ["auto"]
        assert [one.image.tag for one in read(sut.notes()[ANNOTATION])] == ["1.2.0"]
        sut.later()
        await sut.turn()
        assert sut.repository.read("apps/shop.yaml") == line(PINNED_OLD).strip()
        assert await find_rolled_back.fn() == []
        sut.policy("1.2.0", by=BAD, annotations={RELEASE: "1.2.0"})
        sut.later()
        assert await sut.turn()
        assert "1.2.0" in sut.repository.read("apps/shop.yaml")
        status = region.cluster.now("Canary", "shop", TEAM)["status"]
        assert status["lastAppliedSpec"] == status["lastPromotedSpec"], (
            "a person has let it in, and the region refuses it"
        )


async def test_a_version_known_by_its_tag_alone_stays_out(sut: Ground) -> None:
    """A policy without digests: the line has the tag, and goes back to the tag."""
    sut.repository.write({"apps/shop.yaml": line("1.2.0")})
    sut.policy("1.2.0")
    rolled_back(sut, target="1.2.0", primary="1.1.0")
    await keep_out.fn(TEAM, "shop")
    sut.later()
    await sut.turn()
    assert sut.repository.read("apps/shop.yaml") == line("1.1.0").strip()


async def test_parts_of_an_image_go_back_together(sut: Ground) -> None:
    """Helm values keep name, tag and digest apart."""

    def values(tag: str, by: str) -> str:
        mark = f'# {{"$imagepolicy": "{TEAM}:shop:'
        return f'name: {IMAGE} {mark}name"}}\ntag: {tag} {mark}tag"}}\ndigest: {by} {mark}digest"}}\n'

    sut.repository.write({"apps/shop.yaml": values("1.2.0", BAD)})
    await keep_out.fn(TEAM, "shop")
    sut.later()
    await sut.turn()
    assert sut.repository.read("apps/shop.yaml") == values("1.1.0", OLD).strip()


async def test_a_person_keeps_a_version_out_by_a_commit(sut: Ground) -> None:
    """A revert by hand with a line in the list stays, and the policy learns it."""
    why = "slow on old phones"
    kept = f"{IMAGE}:{PINNED_BAD} -> {IMAGE}:{PINNED_OLD}  # {why}\n"
    head = sut.repository.write({"apps/shop.yaml": line(PINNED_OLD), FILE: kept})
    for _ in range(2):
        sut.later()
        assert await sut.look() == []
    assert sut.repository.head() == head
    assert [one.why for one in read(sut.notes()[ANNOTATION])] == [why]
