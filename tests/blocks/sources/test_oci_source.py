"""An OCIRepository of the cluster becomes a source: its references, its layers, its logins, and what may not be in it."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import resource
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.registries.logins.base import Caller, Given
from blocks.registries.pulls import Puller
from blocks.registries.table import Registries
from blocks.sources.oci import OciSource
from blocks.sources.oci_archive import unpack
from blocks.sources.table import source_for
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError, UnverifiedError
from sluice.images.reference import Repository
from sluice.manifests.references import SourceKey
from sluice.sync.bounds import Bounds
from tests.blocks.sources.oci_server import CONTENT, INDEX, OciServer, archive, digest_of
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


class Cloud:
    """A cloud that gives a login for any repository."""

    def scope(self, where: Repository) -> str:
        return where.registry

    async def login(self, where: Repository, caller: Caller) -> Given:
        return Given(RegistryCredentials(username="bot", password=SecretStr("of-the-cloud")), 600.0)


@dataclass
class World:
    """A registry, and a cluster with OCIRepository objects of `team`."""

    wired: Connections
    cluster: MemoryCluster
    server: OciServer

    def object(self, **spec: Any) -> None:
        meta = {"name": "app", "namespace": "team", "generation": 1}
        url = f"oci://{self.server.host}/team/app"
        self.cluster.add({"kind": "OCIRepository", "metadata": meta, "spec": {"url": url, "insecure": True, **spec}})

    def push(self, tag: str, files: dict[str, str], **notes: str) -> str:
        return self.server.push("team/app", tag, (CONTENT, archive(files)), **notes)

    async def source(self) -> OciSource:
        made: Any = await source_for(self.wired, SourceKey("OCIRepository", "team", "app"))
        return made  # type: ignore[no-any-return]

    async def files(self) -> dict[str, str]:
        source = await self.source()
        tree = await source.tree(await source.latest())
        return {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    server, cluster = OciServer(), MemoryCluster()
    async with Puller() as puller:
        cloud = Registries({}, {"aws": Cloud()})
        parts: dict[str, Any] = {"git": Git(tmp_path / "home"), "artifacts": puller, "registry": cloud}
        async with connected(cluster, router=None, metrics=None, gates=None, **parts) as wired:
            yield World(wired, cluster, server)
    server.close()


async def test_a_digest_goes_before_a_range_and_that_before_a_tag(world: World) -> None:
    """Revisions as Flux writes them; `latest` where nothing is written."""
    old, new = world.push("1.0.0", {"a": "1"}), world.push("1.1.0", {"a": "2"})
    world.push("2.0.0-rc", {"a": "3"})
    last = world.push("latest", {"a": "4"})
    for ref, revision in (
        (None, f"latest@{last}"),
        ({"tag": "1.0.0"}, f"1.0.0@{old}"),
        ({"tag": "1.0.0", "semver": "1.x"}, f"1.1.0@{new}"),
        ({"semver": ">=1.0.0-0", "semverFilter": "-rc$"}, None),
        ({"tag": "latest", "semver": "1.x", "digest": old}, old),
        ({"tag": f"9.9.9@{old}"}, f"9.9.9@{old}"),
    ):
        world.object(**({"ref": ref} if ref else {}))
        at = await (await world.source()).latest()
        assert at == (revision or f"2.0.0-rc@{world.server.tags['team/app']['2.0.0-rc']}")
        assert at == await (await world.source()).look()


async def test_what_its_owner_says_of_it_is_in_the_status(world: World) -> None:
    """`flux push artifact` writes source and revision into annotations, which `flux trace` shows."""
    world.object()
    world.push("latest", {"a": "1"}, **{"org.opencontainers.image.revision": "main@sha1:c"})
    source = await world.source()
    fetch = await source.fetched(await source.latest())
    assert dict(fetch.metadata) == {"org.opencontainers.image.revision": "main@sha1:c"}
    assert (fetch.size, fetch.digest[:7]) == (1, "sha256:")


async def test_the_layer_that_is_wanted(world: World) -> None:
    """The first of a type, unpacked or as it is; one that is not there is named with those that are."""
    chart = archive({"chart/Chart.yaml": "name: x"})
    helm = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    world.server.push("team/app", "latest", (CONTENT, archive({"a": "1"})), (helm, chart))
    world.object()
    assert await world.files() == {"a": "1"}
    world.object(layerSelector={"mediaType": helm})
    assert await world.files() == {"chart/Chart.yaml": "name: x"}
    world.object(layerSelector={"mediaType": helm, "operation": "copy"})
    source = await world.source()
    assert (await source.tree(await source.latest()) / "layer.tgz").read_bytes() == chart
    world.server.push("team/app", "signed", ("text/provenance", b"-----BEGIN"), (helm, chart))
    world.object(ref={"tag": "signed"})
    with pytest.raises(InvalidError, match=r"the layer text/provenance of .*choose by spec\.layerSelector"):
        await world.files()
    world.object(layerSelector={"mediaType": "other"})
    with pytest.raises(InvalidError, match=f"'other', but .*{CONTENT.replace('+', '.')}"):
        await world.files()


async def test_what_is_ignored_is_not_there(world: World) -> None:
    """By files in the artifact, by the manifest, and by Flux's list where there is neither."""
    world.push("latest", {"a.yaml": "1", "logo.png": "p", "docs/b.md": "2"})
    world.object()
    assert set(await world.files()) == {"a.yaml", "docs/b.md"}
    world.object(ignore="docs/")
    assert set(await world.files()) == {"a.yaml", "logo.png"}
    world.push("latest", {"a.yaml": "1", "docs/b.md": "2", "docs/.sourceignore": "*.md\n"})
    world.object()
    assert set(await world.files()) == {"a.yaml", "docs/.sourceignore"}


async def test_one_for_several_platforms(world: World) -> None:
    """That for linux/amd64, as Flux takes it."""
    arm, amd = world.push("arm", {"a": "arm"}), world.push("amd", {"a": "amd"})
    platforms = [("arm64", arm), ("amd64", amd)]
    entries = [{"digest": at, "platform": {"os": "linux", "architecture": name}} for name, at in platforms]
    digest = world.server.put("team/app", "latest", {"mediaType": INDEX, "manifests": entries})
    world.object()
    assert await (await world.source()).latest() == f"latest@{digest}"
    assert await world.files() == {"a": "amd"}
    world.server.put("team/app", "latest", {"mediaType": INDEX, "manifests": [entries[0], entries[0]]})
    with pytest.raises(InvalidError, match="several platforms"):
        await world.files()


async def test_logins_by_secret_and_by_service_account(world: World) -> None:
    """Neither is shown to the storage that a registry sends us to for the layers."""
    world.push("latest", {"a": "1"})
    world.server.password = "registry-password"
    auth = {"auths": {world.server.host: {"username": "bot", "password": "registry-password"}}}
    data = {".dockerconfigjson": base64.b64encode(json.dumps(auth).encode()).decode()}
    world.cluster.add({"kind": "Secret", "metadata": {"name": "login", "namespace": "team"}, "data": data})
    account = {"metadata": {"name": "puller", "namespace": "team"}, "imagePullSecrets": [{"name": "login"}]}
    world.cluster.add({"kind": "ServiceAccount", **account})
    world.object()
    with pytest.raises(TerminalError, match="secretRef"):
        await world.files()
    world.object(serviceAccountName="puller")
    assert await world.files() == {"a": "1"}
    other = base64.b64encode(json.dumps({"auths": {"other.example": {"auth": "YTpi"}}}).encode()).decode()
    other_secret = {"metadata": {"name": "other", "namespace": "team"}, "data": {".dockerconfigjson": other}}
    world.cluster.add({"kind": "Secret", **other_secret})
    world.object(secretRef={"name": "other"}, serviceAccountName="puller")
    assert await world.files() == {"a": "1"}
    storage = OciServer()
    storage.answer = lambda method, path, login: (200, {}, world.server.blobs[path[1:]])  # type: ignore[method-assign]
    world.server.storage = f"http://{storage.host}"
    try:
        world.object(secretRef={"name": "login"})
        assert await world.files() == {"a": "1"}
    finally:
        storage.close()
    assert {login for _, _, login in storage.seen} == {""}


async def test_a_registry_in_trouble_and_one_that_lies(world: World) -> None:
    """Asked again later, after as long as it says; a layer that is not what its digest says is not used."""
    digest = world.push("latest", {"a": "1"})
    world.object(timeout="5s")
    world.server.status = 503
    with pytest.raises(TransientError, match="503"):
        await (await world.source()).look()
    world.server.status = 0
    (blob,) = world.server.blobs
    world.server.blobs[blob] = bytes(len(world.server.blobs[blob]))
    with pytest.raises(InvalidError, match="gave something else"):
        await world.files()
    world.server.manifests[digest] = b"{}"
    with pytest.raises(TerminalError, match="another manifest"):
        await world.files()
    with pytest.raises(NotFoundError):
        await (await world.source()).tree("latest@sha256:" + "0" * 64)


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, to
    return made


def device(name: str, kind: bytes) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.devmajor, made.devminor = kind, 1, 5
    return made


BAD = {
    "absolute": (archive({"/etc/x": "bad"}), "leads out"),
    "up": (archive({"a/../../x": "bad"}), "leads out"),
    "git's own": (archive({".git/config": "bad"}), "leads out"),
    "link out": (archive({}, link("l", "/etc/passwd")), "out of the repository"),
    "link chain": (archive({}, link("a", "b/.."), link("b", ".")), "out of the repository"),
    "hard link": (archive({}, link("l", "/etc/passwd", tarfile.LNKTYPE)), "neither a file nor"),
    "character device": (archive({}, device("zero", tarfile.CHRTYPE)), "neither a file nor"),
    "block device": (archive({}, device("sda", tarfile.BLKTYPE)), "neither a file nor"),
    "pipe": (archive({}, device("pipe", tarfile.FIFOTYPE)), "neither a file nor"),
    "no archive": (b"hello", "no tar archive"),
    "cut": (archive({"a": os.urandom(100_000)})[:50_000], "no tar archive"),
}


@pytest.mark.parametrize("bad", BAD)
async def test_what_may_not_be_in_an_archive(world: World, bad: str) -> None:
    """Refused by name; nothing of this machine is read or written."""
    content, said = BAD[bad]
    world.server.push("team/app", "latest", (CONTENT, content))
    world.object()
    with pytest.raises(InvalidError, match=said):
        await world.files()


async def test_nothing_is_written_through_a_link_of_the_archive(world: World, tmp_path: Path) -> None:
    """A link first, then a file below its name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(link("a", str(tmp_path / "outside")))
        entry = tarfile.TarInfo("a/x")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"bad"))
    (tmp_path / "outside").mkdir()
    world.server.push("team/app", "latest", (CONTENT, gzip.compress(buffer.getvalue())))
    world.object()
    with pytest.raises(InvalidError, match="behind a symbolic link"):
        await world.files()
    assert list((tmp_path / "outside").iterdir()) == []


def bomb(name: str, size: int, **more: Any) -> bytes:
    """A layer with one file of zeros, compressed as it is made."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    for key, value in more.items():
        setattr(entry, key, value)
    raw = io.BytesIO()
    with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
        packed.write(entry.tobuf())
        for _ in range(size >> 20):
            packed.write(bytes(1 << 20))
        packed.write(bytes(1024))
    return raw.getvalue()


async def test_a_bomb_is_refused_before_it_is_unpacked(world: World) -> None:
    """400 MiB of zeros in a few kilobytes: as a file, as a header, and as a file that is left out."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    world.object()
    world.server.push("team/app", "latest", (CONTENT, bomb("zeros", 400 << 20)))
    with pytest.raises(InvalidError, match=r"zeros: with its 400 MiB .*spec\.ignore"):
        await world.files()
    world.server.push("team/app", "latest", (CONTENT, bomb("header", 400 << 20, type=tarfile.XHDTYPE)))
    with pytest.raises(InvalidError, match="header of more than 1 MiB"):
        await world.files()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 1024


def test_what_is_left_out_is_counted_as_well(tmp_path: Path) -> None:
    """It still has to be unpacked to get past it: a bomb that is ignored, and more files than anybody may have."""
    layer, root = tmp_path / "layer", tmp_path / "root"
    root.mkdir()
    layer.write_bytes(bomb("zeros", 40 << 20))
    with pytest.raises(InvalidError, match="unpacks to more than 16 MiB"):
        unpack(layer, root, Bounds(size=8 << 20, files=10), "zeros")
    layer.write_bytes(archive({f"f{number}": "" for number in range(15)}))
    with pytest.raises(InvalidError, match="more than 10 files"):
        unpack(layer, root, Bounds(files=10), None)
    layer.write_bytes(archive({f"f{number}": "" for number in range(21)}))
    with pytest.raises(InvalidError, match="more than 20 members"):
        unpack(layer, root, Bounds(files=10), "f*")


async def test_a_layer_that_is_too_large_is_not_asked_for(world: World) -> None:
    """By what its manifest says; one that says less than it is is cut off."""
    digest = digest_of(b"x")
    layer = {"mediaType": CONTENT, "digest": digest, "size": 1 << 40}
    world.server.put("team/app", "latest", {"layers": [layer]})
    world.object()
    with pytest.raises(InvalidError, match="MiB may be packed"):
        await world.files()
    assert not any("/blobs/" in path for _, path, _ in world.server.seen)
    world.server.blobs[digest] = bytes(1 << 20)
    world.server.put("team/app", "latest", {"layers": [layer | {"size": 5}]})
    with pytest.raises(InvalidError, match="longer than it says"):
        await world.files()


async def test_who_is_to_verify_and_cannot_deploys_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, no identity, no cosign, a verifier that sluice does not have: each is named, nothing is unpacked."""
    world.push("latest", {"a": "1"})
    world.object(verify={"provider": "cosign"})
    with pytest.raises(UnverifiedError, match="names nobody"):
        await world.source()
    world.object(verify={"provider": "notation", "secretRef": {"name": "keys"}})
    with pytest.raises(InvalidError, match=r"spec\.verify\.provider 'notation'"):
        await world.source()
    world.cluster.add({"kind": "Secret", "metadata": {"name": "keys", "namespace": "team"}, "data": {"other": "eA=="}})
    world.object(verify={"provider": "cosign", "secretRef": {"name": "keys"}})
    with pytest.raises(UnverifiedError, match=r"it needs \*\.pub"):
        await world.source()
    world.cluster.add({"kind": "Secret", "metadata": {"name": "keys", "namespace": "team"}, "data": {"a.pub": "eA=="}})
    anybody = [{"issuer": ".*", "subject": ".*"}]
    world.object(verify={"matchOIDCIdentity": anybody, "trustedRootSecretRef": {"name": "keys"}})
    with pytest.raises(UnverifiedError, match=r"no trusted_root\.json: spec\.verify\.trustedRootSecretRef needs it"):
        await world.source()
    world.object(verify={"provider": "cosign", "secretRef": {"name": "keys"}})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerminalError, match="is cosign installed"):
        await world.files()
    assert not any("/blobs/" in path for _, path, _ in world.server.seen)


async def test_a_provider_logs_in_where_no_secret_does(world: World) -> None:
    """As who sluice is to that cloud; a Secret goes before it, as in Flux."""
    world.push("latest", {"a": "1"})
    world.server.password = "of-the-cloud"
    world.object(provider="aws")
    assert await world.files() == {"a": "1"}
    login = base64.b64encode(b"bot:of-the-secret").decode()
    config = json.dumps({"auths": {world.server.host: {"auth": login}}})
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    world.cluster.add({"kind": "Secret", "metadata": {"name": "login", "namespace": "team"}, "data": data})
    world.server.password = "of-the-secret"
    world.object(provider="aws", secretRef={"name": "login"})
    assert await world.files() == {"a": "1"}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"provider": "acme"}, r"spec\.provider 'acme': is one of generic, aws"),
        ({"provider": "aws", "serviceAccountName": "robot"}, r"spec\.serviceAccountName with spec\.provider aws"),
    ],
)
async def test_a_provider_that_cannot_be_is_named(world: World, spec: dict[str, Any], why: str) -> None:
    world.push("latest", {"a": "1"})
    world.object(**spec)
    with pytest.raises(InvalidError, match=why):
        await world.files()
