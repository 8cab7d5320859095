"""Releases by the real helm on a real cluster: how they come, change and go, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from blocks.helm.storage import revisions
from blocks.kubernetes.kinds import CONFIG_MAP, HELM_CHART, HELM_RELEASE, NAMESPACE
from sluice.errors import SluiceError, TerminalError
from sluice.helm.due import looked_at_after
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.helm.leave import leave
from tests.tasks.helm.lab_shop import BAD, SLOW, TEST, Shop

pytestmark = pytest.mark.lab


async def test_a_release_is_installed_shown_by_helm_and_then_left_alone(it: Shop) -> None:
    await it.wants(values={"greeting": "hi"}, test={"enable": True})
    it.chart("1.0.0", templates__test=TEST)
    assert await it.released() == "install, test"
    assert await it.config() == {"greeting": "hi", "version": "1.0.0", "namespace": it.namespace, "mode": "0o17"}
    assert [(one["name"], one["chart"], one["status"]) for one in it.listed()] == [("shop", "shop-1.0.0", "deployed")]
    assert (await it.condition("Ready"))[0] == "True"
    assert (await it.condition("TestSuccess"))[:2] == ("True", "TestSucceeded")
    status = await it.status()
    assert [one["testHooks"]["shop-smoke"]["phase"] for one in status["history"]] == ["Succeeded"]
    assert [one["id"] for one in status["inventory"]["entries"]] == [f"{it.namespace}_shop__ConfigMap"]
    labels = (await it.cluster.get(CONFIG_MAP, "shop", it.namespace))["metadata"]["labels"]
    assert labels["helm.toolkit.fluxcd.io/name"] == "shop"
    chart = await it.cluster.get(HELM_CHART, f"{it.namespace}-shop", it.namespace)
    assert chart["status"]["artifact"]["revision"] == "1.0.0"
    version = (await it.cluster.get(HELM_RELEASE, "shop", it.namespace))["metadata"]["resourceVersion"]
    assert await it.released() == "as wanted"
    assert (await it.cluster.get(HELM_RELEASE, "shop", it.namespace))["metadata"]["resourceVersion"] == version


async def test_a_new_version_is_upgraded_to_and_one_that_is_taken_away_is_moved_back_from(it: Shop) -> None:
    await it.wants()
    await it.released()
    it.chart("1.1.0")
    assert await it.released() == "upgrade"
    assert (await it.config())["version"] == "1.1.0"
    del it.repository.charts["1.1.0"]
    assert await it.released() == "upgrade"
    assert (await it.config())["version"] == "1.0.0"


async def test_a_release_that_a_person_made_is_taken_over_and_is_no_other_release(it: Shop) -> None:
    place = Path(it.wired.helm.home) / "chart"
    place.parent.mkdir(parents=True)
    place.with_suffix(".tgz").write_bytes(it.repository.charts["1.0.0"])
    it.by_hand("install", "shop", str(place.with_suffix(".tgz")))
    await it.wants()
    assert await it.released() == "upgrade"
    assert [one["revision"] for one in it.listed()] == ["2"]
    assert await it.released() == "as wanted"


async def test_what_a_person_did_with_helm_is_put_right(it: Shop) -> None:
    await it.wants(values={"greeting": "hi"})
    await it.released()
    place = Path(it.wired.helm.home) / "chart.tgz"
    place.write_bytes(it.repository.charts["1.0.0"])
    it.by_hand("upgrade", "shop", str(place), "--set", "greeting=by-hand")
    assert (await it.config())["greeting"] == "by-hand"
    assert await it.released() == "upgrade"
    assert (await it.config())["greeting"] == "hi"
    it.by_hand("rollback", "shop", "2")
    assert await it.released() == "upgrade"
    assert (await it.config())["greeting"] == "hi"
    it.by_hand("uninstall", "shop")
    assert await it.released() == "install"
    assert (await it.config())["greeting"] == "hi"


async def test_an_upgrade_whose_worker_died_in_the_middle_is_gone_on_with(it: Shop) -> None:
    await it.wants()
    await it.released()
    it.chart("1.1.0", templates__slow=SLOW)
    run = asyncio.create_task(it.released())
    while not [one for one in await revisions(it.cluster, it.namespace, "shop") if one.pending]:
        await asyncio.sleep(0.05)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    stuck = await revisions(it.cluster, it.namespace, "shop")
    assert stuck[0].status in {"pending-upgrade", "failed"}
    it.chart("1.1.0")
    assert (await it.released()).endswith("upgrade")
    assert (await it.config())["version"] == "1.1.0"
    assert (await it.condition("Ready"))[0] == "True"


async def test_a_failed_upgrade_is_rolled_back_and_the_next_version_has_its_tries(it: Shop) -> None:
    await it.wants(upgrade={"remediation": {"retries": 1}})
    await it.released()
    it.chart("1.1.0", templates__bad=BAD)
    with pytest.raises(TerminalError, match=r"Failed to upgrade after 2 attempt"):
        await it.released()
    assert (await it.config())["version"] == "1.0.0"
    assert (await it.condition("Remediated"))[:2] == ("True", "RollbackSucceeded")
    assert "with chart shop@1.0.0" in (await it.condition("Ready"))[2]
    assert (await it.condition("Stalled"))[1] == "RetriesExceeded"
    assert "NOT_A_NAME" in (await it.condition("Released"))[2]
    assert (await it.status())["upgradeFailures"] == 2
    it.chart("1.2.0")
    assert await it.released() == "upgrade"
    assert (await it.condition("Ready"))[0] == "True"
    assert await it.condition("Stalled") == ("", "", "")


async def test_a_first_install_that_fails_is_tried_again_although_nobody_pushes(it: Shop) -> None:
    """The namespace is not there yet; somebody makes it later."""
    other = f"{it.namespace}-later"
    retry = {"strategy": {"name": "RetryOnFailure", "retryInterval": "1m"}}
    await it.wants(targetNamespace=other, install=retry)
    assert (await it.released()).startswith("install; goes on later")
    assert (await it.condition("Ready"))[:2] == ("False", "InstallFailed")
    assert (await it.condition("Reconciling"))[2] == "retrying after 1m0s"
    manifest = HelmRelease.parse(await it.cluster.get(HELM_RELEASE, "shop", it.namespace))
    assert looked_at_after(manifest) == 60
    await it.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    try:
        assert await it.released() == "upgrade", "of the release that failed, as helm has it"
        assert (await it.config(f"{other}-shop", other))["namespace"] == other
        # Helm's record is where Flux has it: with the HelmRelease.
        assert [one["name"] for one in it.listed()] == [f"{other}-shop"]
        assert (await it.condition("Ready"))[0] == "True"
    finally:
        await it.cluster.delete(NAMESPACE, other)


async def test_a_release_is_uninstalled_with_its_helm_release_although_its_source_is_gone(it: Shop) -> None:
    await it.wants()
    await it.released()
    it.repository.status = 500
    await it.cluster.delete(HELM_RELEASE, "shop", it.namespace)
    assert (await leave.fn(it.namespace, "shop")).said == "uninstalled"
    assert await it.cluster.find(HELM_RELEASE, "shop", it.namespace) is None
    assert await it.cluster.find(CONFIG_MAP, "shop", it.namespace) is None
    assert await it.cluster.find(HELM_CHART, f"{it.namespace}-shop", it.namespace) is None
    assert it.listed() == []


async def test_a_suspended_release_is_left_as_it_is_also_by_its_end(it: Shop) -> None:
    await it.wants()
    await it.released()
    it.chart("1.1.0")
    await it.wants(suspend=True)
    assert await it.released() == "left alone"
    await it.cluster.delete(HELM_RELEASE, "shop", it.namespace)
    assert (await leave.fn(it.namespace, "shop")).said == "left as it is"
    assert (await it.config())["version"] == "1.0.0"


async def test_an_index_that_is_away_changes_nothing_but_what_is_said(it: Shop) -> None:
    await it.wants()
    await it.released()
    it.repository.status = 500
    with pytest.raises(SluiceError, match="answered 500"):
        await it.released()
    assert (await it.condition("Ready"))[:2] == ("False", "ArtifactFailed")
    assert (await it.config())["version"] == "1.0.0"
    it.repository.status = 200
    assert await it.released() == "as wanted"
    assert (await it.condition("Ready"))[0] == "True"
