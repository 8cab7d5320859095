"""What a HelmRelease can ask for, by the real helm on a real cluster."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from uuid import uuid4

import pytest

from blocks.kubernetes.kinds import CANARY, CONFIG_MAP, DEPLOYMENT, HELM_RELEASE, SECRET, SERVICE
from sluice.errors import SluiceError, TerminalError
from tasks.helm.leave import leave
from tests.samples import canary_manifest
from tests.tasks.helm.lab_shop import APP, BAD, CRD, Shop

pytestmark = pytest.mark.lab


async def test_values_of_a_secret_that_comes_later_are_waited_for_and_never_told(it: Shop) -> None:
    it.chart(
        "1.0.0",
        templates__bad="{{ if .Values.password }}" + BAD.replace("NOT_A_NAME", "{{ .Values.password }}") + "{{ end }}",
    )
    await it.wants(valuesFrom=[{"kind": "Secret", "name": "login", "valuesKey": "pw", "targetPath": "password"}])
    with pytest.raises(SluiceError, match="Secret login, key pw is not there"):
        await it.released()
    assert (await it.condition("Ready"))[:2] == ("False", "ValuesError")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": it.namespace}}
    await it.cluster.create({**secret, "stringData": {"pw": "S3CR3T_word"}})
    with pytest.raises(TerminalError, match="Failed to install after 1 attempt"):
        await it.released()
    assert (await it.condition("Ready"))[:2] == ("False", "InstallFailed")
    assert "***" in (await it.condition("Ready"))[2]
    assert "S3CR3T_word" not in json.dumps(await it.status())
    await it.cluster.patch(SECRET, "login", it.namespace, {"stringData": {"pw": "fine"}})
    await it.released()
    assert (await it.condition("Ready"))[0] == "True"


async def test_what_was_changed_by_hand_is_put_right_or_told(it: Shop) -> None:
    await it.wants(driftDetection={"mode": "warn"})
    await it.released()
    await it.cluster.patch(CONFIG_MAP, "shop", it.namespace, {"data": {"greeting": "by hand"}})
    assert await it.released() == "as wanted"
    assert (await it.condition("Drifted"))[:2] == ("True", "DriftDetected")
    assert (await it.config())["greeting"] == "by hand"
    await it.wants(driftDetection={"mode": "enabled", "ignore": [{"paths": ["/data/greeting"]}]})
    assert await it.released() == "as wanted"
    assert (await it.config())["greeting"] == "by hand"
    await it.wants(driftDetection={"mode": "enabled"})
    assert await it.released() == "correct cluster drift"
    assert (await it.config())["greeting"] == "hello"
    await it.cluster.delete(CONFIG_MAP, "shop", it.namespace)
    assert await it.released() == "correct cluster drift"
    assert (await it.config())["greeting"] == "hello"
    assert (await it.condition("Drifted"))[:2] == ("False", "NoDriftDetected")


async def test_what_a_canary_governs_stays_the_rollouts(it: Shop) -> None:
    """The target is scaled to 0 and its Service leads to the primary: an upgrade changes neither, and they are no drift."""
    it.chart("1.0.0", templates__app=APP)
    act = {"disableWait": True}
    await it.wants(install=act, upgrade=act, driftDetection={"mode": "enabled"})
    await it.released()
    canary = canary_manifest()
    canary["metadata"] = {"name": "shop", "namespace": it.namespace}
    await it.cluster.apply({**canary, "status": None}, manager="team")
    await it.cluster.patch(CANARY, "shop", it.namespace, {"status": {"phase": "Initialized"}}, subresource="status")
    await it.cluster.patch(DEPLOYMENT, "shop", it.namespace, {"spec": {"replicas": 0}})
    await it.cluster.patch(SERVICE, "shop", it.namespace, {"spec": {"selector": {"app": "shop-primary"}}})
    assert await it.released() == "as wanted"
    it.chart("1.1.0", templates__app=APP)
    assert await it.released() == "upgrade"
    deployment = await it.cluster.get(DEPLOYMENT, "shop", it.namespace)
    assert deployment["spec"]["replicas"] == 0
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.test/shop:1.1.0"
    assert (await it.cluster.get(SERVICE, "shop", it.namespace))["spec"]["selector"] == {"app": "shop-primary"}
    assert await it.released() == "as wanted"


async def test_definitions_are_made_and_replaced_as_the_manifest_says(it: Shop) -> None:
    group = f"g{uuid4().hex[:8]}.test"
    made = CRD.replace("GROUP", group)
    it.chart("1.0.0", crds__thing=made)
    await it.wants()
    await it.released()
    kind = await it.cluster.resource_for("apiextensions.k8s.io/v1", "CustomResourceDefinition")

    async def described() -> str:
        found = await it.cluster.get(kind, f"things.{group}")
        return str(found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"])

    try:
        it.chart("1.1.0", crds__thing=made.replace("FIRST", "SECOND"))
        await it.released()
        assert await described() == "FIRST"
        await it.wants(upgrade={"crds": "CreateReplace"})
        it.chart("1.2.0", crds__thing=made.replace("FIRST", "THIRD"))
        await it.released()
        assert await described() == "THIRD"
    finally:
        await it.cluster.delete(kind, f"things.{group}")


async def test_post_renderers_change_what_is_released(it: Shop) -> None:
    patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {extra: 'yes'}"
    await it.wants(
        postRenderers=[{"kustomize": {"patches": [{"patch": patch}]}}], commonMetadata={"labels": {"team": "a"}}
    )
    await it.released()
    assert (await it.config())["extra"] == "yes"
    assert (await it.cluster.get(CONFIG_MAP, "shop", it.namespace))["metadata"]["labels"]["team"] == "a"
    await it.wants(postRenderers=[{"kustomize": {"patches": [{"patch": "kind: [", "target": {"kind": "ConfigMap"}}]}}])
    await it.released()
    assert "kustomize refuses" in (await it.condition("Released"))[2]
    assert (await it.config())["extra"] == "yes"


async def test_a_chart_of_a_registry_is_pulled_by_its_range(it: Shop) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        it.chart(version)
        place = Path(it.wired.helm.home) / f"shop-{version}.tgz"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(it.repository.charts[version])
        it.by_hand("push", str(place), f"oci://{it.env['registry']}/{it.namespace}", "--plain-http")
    address = f"oci://{it.env['registry']}/{it.namespace}"
    spec = {"type": "oci", "url": address, "insecure": True, "interval": "1m"}
    await it.applied("source.toolkit.fluxcd.io/v1", "HelmRepository", spec, "registry")
    of = {"chart": "shop", "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "registry"}}
    await it.wants(chart={"spec": of})
    await it.released()
    assert (await it.config())["version"] == "1.1.0"


async def test_two_runs_of_one_release_do_not_act_at_once(it: Shop) -> None:
    await it.wants()
    begun = time.monotonic()
    done = await asyncio.gather(it.released(), it.released(), return_exceptions=True)
    assert time.monotonic() > begun
    assert len([one for one in done if one == "install"]) == 1, done
    assert [one["revision"] for one in it.listed()] == ["1"]


async def test_a_long_name_is_shortened_and_a_moved_release_leaves_nothing_behind(it: Shop) -> None:
    long = "a-name-that-is-longer-than-helm-takes-it-by-some-letters"
    await it.wants(long)
    await it.released(long)
    (one,) = it.listed()
    assert len(one["name"]) == 53
    await it.wants(long, releaseName="short")
    await it.released(long)
    assert [one["name"] for one in it.listed()] == ["short"]
    assert (await it.config("short"))["version"] == "1.0.0"


async def test_a_release_is_made_with_the_rights_of_its_service_account(it: Shop) -> None:
    await it.wants(serviceAccountName="team")
    with pytest.raises(SluiceError, match=f"system:serviceaccount:{it.namespace}:team"):
        await it.released()
    assert (await it.condition("Ready"))[:2] == ("False", "StateError")
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "team", "namespace": it.namespace}}
    await it.cluster.create(account)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "team", "namespace": it.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "team", "namespace": it.namespace}],
    }
    await it.cluster.create(binding)
    await it.wants(values={"greeting": "of the team"})
    await it.released()
    assert (await it.config())["greeting"] == "of the team"
    await it.cluster.delete(HELM_RELEASE, "shop", it.namespace)
    assert (await leave.fn(it.namespace, "shop")).said == "uninstalled"
