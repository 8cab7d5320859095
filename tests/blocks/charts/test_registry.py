"""Charts out of a registry: which version, as whom, by whose signature, and that what was verified is what is brought.

The registry is a real server. The cosign program is a shell that knows of the signatures that a test says there are; the
real one is tried in the lab's tests.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.charts.access import registry_access
from blocks.charts.base import Charts
from blocks.charts.download import Access
from blocks.charts.files import FileCharts
from blocks.charts.indexed import IndexedCharts
from blocks.charts.registry import CONTENT
from blocks.charts.table import charts_for
from blocks.connections import Connections
from blocks.helm.program import Helm
from blocks.registries.distribution import Distribution
from blocks.registries.logins.base import Caller, Given
from blocks.registries.pulls import Puller
from blocks.registries.table import Registries
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError, NotFoundError, TerminalError, UnverifiedError
from sluice.helm.charts.status import pulled, unpulled
from sluice.images.reference import Repository
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.helm.repository import HelmRepository
from tasks.helm.chart import helm_chart
from tasks.helm.status import now
from tests.blocks.charts.repository_server import packed
from tests.blocks.sources.oci_server import OciServer, archive
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

CONFIG = ("application/vnd.cncf.helm.config.v1+json", b"{}")
SIGNED = {"provider": "cosign", "secretRef": {"name": "keys"}}


@dataclass
class Cloud:
    """A cloud that gives a login for any repository."""

    login_given: RegistryCredentials

    def scope(self, where: Repository) -> str:
        return where.registry

    async def login(self, where: Repository, caller: Caller) -> Given:
        return Given(self.login_given, 600.0)


@dataclass
class World:
    """A registry with charts, and a cluster with a HelmRepository of type oci."""

    wired: Connections
    cluster: MemoryCluster
    server: OciServer
    folder: Path

    def repository(self, **spec: Any) -> None:
        url = f"oci://{self.server.host}/charts"
        meta = {"name": "charts", "namespace": "team"}
        whole = {"type": "oci", "url": url, "insecure": True, **spec}
        self.cluster.add({"kind": "HelmRepository", "metadata": meta, "spec": whole})

    def push(self, version: str, *, kind: str = CONTENT[0]) -> str:
        return self.server.push("charts/shop", version.replace("+", "_"), CONFIG, (kind, packed(version)))

    def secret(self, name: str, **data: str) -> None:
        coded = {key.replace("__", "."): base64.b64encode(text.encode()).decode() for key, text in data.items()}
        self.cluster.add({"kind": "Secret", "metadata": {"name": name, "namespace": "team"}, "data": coded})

    def signed(self, *digests: str) -> None:
        """What the program takes for signed."""
        cases = "".join(f"*@{digest}) exit 0;; " for digest in digests)
        program = self.folder / "cosign"
        program.write_text(
            f'#!/bin/sh\nfor last; do :; done\ncase "$last" in {cases}esac\necho no signatures found >&2; exit 1\n'
        )
        program.chmod(0o755)

    async def charts(self) -> Charts:
        return await charts_for(self.wired, chart().source)


def chart(**spec: Any) -> HelmChart:
    meta = {"name": "shop", "namespace": "team", "generation": 1}
    whole = {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}, **spec}
    return HelmChart.parse({"metadata": meta, "spec": whole})


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    server, cluster = OciServer(), MemoryCluster()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    cloud = Cloud(RegistryCredentials(username="bot", password=SecretStr("of-the-cloud")))
    registries = Registries({"generic": Distribution(timeout=2.0)}, {"aws": cloud})
    async with Puller() as puller:
        parts: dict[str, Any] = {"artifacts": puller, "registry": registries, "helm": Helm(tmp_path)}
        async with connected(cluster, router=None, metrics=None, gates=None, **parts) as wired:
            yield World(wired, cluster, server, tmp_path / "bin")
    server.close()


async def test_the_newest_version_in_the_range_is_brought(world: World, tmp_path: Path) -> None:
    """A version's `+` is `_` in a tag."""
    for version in ("1.0.0", "1.1.0+build.7", "2.0.0"):
        world.push(version)
    world.repository()
    found = await (await world.charts()).find(chart(version="1.x"))
    assert (found.name, found.version, found.verified) == ("shop", "1.1.0+build.7", "")
    assert (await found.bring(tmp_path / "chart")).version == "1.1.0+build.7"


async def test_a_chart_of_an_old_helm_is_brought_and_what_is_no_chart_is_named(world: World, tmp_path: Path) -> None:
    world.push("1.0.0", kind=CONTENT[1])
    world.repository()
    found = await (await world.charts()).find(chart())
    assert (await found.bring(tmp_path / "old")).version == "1.0.0"
    world.server.push("charts/shop", "1.1.0", ("application/vnd.oci.image.layer.v1.tar+gzip", archive({"a": "1"})))
    found = await (await world.charts()).find(chart())
    with pytest.raises(InvalidError, match=r"is no chart: its layers are application/vnd\.oci\.image\.layer"):
        await found.bring(tmp_path / "none")


async def test_a_registry_without_the_chart_says_so(world: World) -> None:
    world.repository()
    with pytest.raises(NotFoundError):
        await (await world.charts()).find(chart())


@pytest.mark.parametrize(
    ("spec", "password"),
    [
        ({"secretRef": {"name": "login"}}, "of-the-secret"),
        ({"secretRef": {"name": "login"}, "provider": "aws"}, "of-the-secret"),
        ({"provider": "aws"}, "of-the-cloud"),
    ],
    ids=["a Secret", "a Secret goes before the cloud", "the cloud"],
)
async def test_the_login_is_the_secret_s_and_else_the_cloud_s(
    world: World, tmp_path: Path, spec: dict[str, Any], password: str
) -> None:
    """For the list of versions and for the chart alike."""
    world.push("1.0.0")
    world.server.password = password
    world.secret("login", username="bot", password="of-the-secret")
    world.repository(**spec)
    found = await (await world.charts()).find(chart())
    assert (await found.bring(tmp_path / "chart")).version == "1.0.0"


async def test_a_provider_that_is_none_is_named(world: World) -> None:
    world.push("1.0.0")
    world.repository(provider="acme")
    with pytest.raises(InvalidError, match=r"spec\.provider 'acme': is one of generic, aws"):
        await (await world.charts()).find(chart())


async def test_certificates_are_for_its_connections(world: World) -> None:
    """Of `certSecretRef`; those in the login's Secret are the older way."""
    world.repository(certSecretRef={"name": "tls"}, secretRef={"name": "login"})
    world.secret("tls", ca__crt="authority", tls__crt="certificate", tls__key="key")
    world.secret("login", username="bot", password="p", ca__crt="other")
    repository = HelmRepository.parse(world.cluster.now("HelmRepository", "charts", "team"))
    image = Repository(registry=world.server.host, path="charts/shop")
    way = (await registry_access(world.wired, repository, image)).way
    assert (way.authority, way.certificate, way.key and way.key.get_secret_value()) == (
        "authority",
        "certificate",
        "key",
    )


async def test_a_chart_that_is_signed_is_released_and_says_so(world: World, tmp_path: Path) -> None:
    """In Flux's condition."""
    world.signed(world.push("1.0.0"))
    world.secret("keys", shop__pub="-----BEGIN PUBLIC KEY-----")
    world.repository()
    asked = chart(verify=SIGNED)
    found = await (await world.charts()).find(asked)
    assert (await found.bring(tmp_path / "chart")).version == "1.0.0"
    body = pulled(asked, found.name, found.version, found.revision, now(), verified=found.verified)
    assert body
    (signed,) = [one for one in body["status"]["conditions"] if one["type"] == "SourceVerified"]
    assert (signed["status"], signed["reason"], signed["message"]) == (
        "True",
        "Succeeded",
        "verified signature of version 1.0.0",
    )
    after = HelmChart.parse({**asked.model_dump(by_alias=True), "status": body["status"]})
    assert pulled(after, found.name, found.version, found.revision, now(), verified=found.verified) is None
    gone = pulled(after, found.name, found.version, found.revision, now())
    assert gone
    assert "SourceVerified" not in [one["type"] for one in gone["status"]["conditions"]]


async def test_a_chart_that_nobody_signed_is_not_released_and_says_so(world: World) -> None:
    """A newer version without a signature does not fall back to the older one that has one."""
    world.signed(world.push("1.0.0"))
    world.push("1.1.0")
    world.secret("keys", shop__pub="-----BEGIN PUBLIC KEY-----")
    world.repository()
    asked = chart(verify=SIGNED)
    with pytest.raises(UnverifiedError, match="no signature of somebody who is trusted") as refused:
        await (await world.charts()).find(asked)
    body = unpulled(asked, refused.value, now())
    assert body
    found = {one["type"]: (one["status"], one["reason"]) for one in body["status"]["conditions"]}
    assert found == {"Ready": ("False", "VerificationError"), "SourceVerified": ("False", "VerificationError")}


async def test_what_was_verified_is_what_is_brought(world: World, tmp_path: Path) -> None:
    """Wherever its tag points by then."""
    world.signed(world.push("1.0.0"))
    world.secret("keys", shop__pub="-----BEGIN PUBLIC KEY-----")
    world.repository()
    found = await (await world.charts()).find(chart(verify=SIGNED))
    world.server.push("charts/shop", "1.0.0", CONFIG, (CONTENT[0], packed("1.0.0", {"templates/evil.yaml": "x"})))
    brought = await found.bring(tmp_path / "chart")
    assert not (brought.folder / "templates" / "evil.yaml").exists()


@pytest.mark.parametrize(
    ("verify", "why"),
    [
        ({"provider": "notation", "secretRef": {"name": "keys"}}, r"spec\.verify\.provider 'notation'"),
        ({"provider": "cosign"}, r"spec\.verify names nobody"),
        ({"provider": "cosign", "secretRef": {"name": "empty"}}, r"has no public keys"),
        ({"provider": "cosign", "secretRef": {"name": "nowhere"}}, "nowhere"),
    ],
    ids=["another verifier", "nobody", "no keys", "no Secret"],
)
async def test_a_verification_that_cannot_be_made_releases_nothing(
    world: World, verify: dict[str, Any], why: str
) -> None:
    world.signed(world.push("1.0.0"))
    world.secret("empty", other="x")
    world.secret("keys", shop__pub="-----BEGIN PUBLIC KEY-----")
    world.repository()
    with pytest.raises(TerminalError, match=why):
        await (await world.charts()).find(chart(verify=verify))


async def test_keyless_signatures_are_of_the_identities_that_match(world: World) -> None:
    """The program gets both expressions."""
    world.push("1.0.0")
    program = world.folder / "cosign"
    program.write_text(f'#!/bin/sh\necho "$@" > {world.folder}/asked\n')
    program.chmod(0o755)
    world.repository()
    identity = {"issuer": "^https://token.actions.example$", "subject": "^repo:shop-team/.*$"}
    assert (
        await (await world.charts()).find(chart(verify={"provider": "cosign", "matchOIDCIdentity": [identity]}))
    ).verified
    asked = json.dumps((world.folder / "asked").read_text())
    assert identity["issuer"] in asked
    assert identity["subject"] in asked


KEYLESS = {
    "provider": "cosign",
    "matchOIDCIdentity": [
        {"issuer": "^https://token.actions.example$", "subject": "^https://github.com/shop-team/.*$"}
    ],
}


@pytest.mark.parametrize("verify", [SIGNED, KEYLESS], ids=["by a key", "keyless"])
def test_the_chart_that_is_made_for_a_release_is_verified_as_the_release_says(verify: dict[str, Any]) -> None:
    """`chart.spec.verify` of a HelmRelease; charts that are signed without a key say whose identity counts there too."""
    source = {"kind": "HelmRepository", "name": "charts"}
    spec = {"interval": "1m", "chart": {"spec": {"chart": "shop", "sourceRef": source, "verify": verify}}}
    release = HelmRelease.parse({"metadata": {"name": "shop", "namespace": "team"}, "spec": spec})
    assert helm_chart(release)["spec"]["verify"] == verify


async def test_places_without_signatures_refuse_to_be_verified(tmp_path: Path) -> None:
    """An unsigned chart is not what was asked for."""
    for place in (IndexedCharts(Access("http://127.0.0.1:1"), tmp_path), FileCharts(None)):  # type: ignore[arg-type]
        with pytest.raises(InvalidError, match=r"spec\.verify of HelmChart team/shop is for charts of a registry"):
            await place.find(chart(verify=SIGNED))
