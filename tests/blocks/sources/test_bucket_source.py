"""A Bucket of the cluster becomes a source: signed requests, lists in pages, prefix, ignore, and what may not be in it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.connections import Connections
from blocks.git.mirrors import Git
from blocks.sources.bucket import BucketSource
from blocks.sources.bucket_s3 import Storage
from blocks.sources.table import source_for
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.references import SourceKey
from sluice.sigv4 import Keys
from tests.blocks.sources.s3_server import ACCESS, SECRET, S3Server
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


@dataclass
class World:
    """A storage with the bucket `apps`, and a cluster with Bucket objects of `team`."""

    wired: Connections
    cluster: MemoryCluster
    server: S3Server

    def object(self, **spec: Any) -> None:
        base = {"bucketName": "apps", "endpoint": self.server.host, "insecure": True, "secretRef": {"name": "keys"}}
        meta = {"name": "app", "namespace": "team", "generation": 1}
        self.cluster.add({"kind": "Bucket", "metadata": meta, "spec": base | spec})

    def keys(self, secret: str = SECRET) -> None:
        pair = {"accesskey": ACCESS, "secretkey": secret}
        data = {name: base64.b64encode(value.encode()).decode() for name, value in pair.items()}
        self.cluster.add({"kind": "Secret", "metadata": {"name": "keys", "namespace": "team"}, "data": data})

    async def source(self) -> BucketSource:
        made: Any = await source_for(self.wired, SourceKey("Bucket", "team", "app"))
        return made  # type: ignore[no-any-return]

    async def files(self) -> dict[str, str]:
        source = await self.source()
        tree = await source.tree(await source.latest())
        return {str(path.relative_to(tree)): path.read_text() for path in tree.rglob("*") if path.is_file()}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    server, cluster = S3Server("apps"), MemoryCluster()
    async with connected(cluster, router=None, metrics=None, gates=None, git=Git(tmp_path / "home")) as wired:
        made = World(wired, cluster, server)
        made.keys()
        made.object()
        yield made
    server.close()


async def test_all_objects_in_pages_with_odd_names(world: World) -> None:
    """Names are quoted as the signature has them; directories that consoles make are no files."""
    world.server.page = 2
    world.server.objects = dict.fromkeys(("a.yaml", "deep/b c+d=(1).yaml", "ä/ü.yaml", "z", "folder/"), b"x")
    assert set(await world.files()) == {"a.yaml", "deep/b c+d=(1).yaml", "ä/ü.yaml", "z"}


async def test_a_revision_is_what_is_listed(world: World) -> None:
    """A look reads no object; another content or another name is another revision, and the old one stays."""
    world.server.objects = {"a": b"1"}
    source = await world.source()
    first = await source.latest()
    assert first.startswith("sha256:")
    world.server.seen.clear()
    assert await source.look() == first
    assert [path.partition("?")[0] for path in world.server.seen] == ["/apps"]
    world.server.objects["a"] = b"2"
    second = await source.latest()
    world.server.objects["b"] = b"2"
    assert len({first, second, await source.look()}) == 3
    assert (await source.tree(first) / "a").read_text() == "1"
    with pytest.raises(NotFoundError):
        await (await world.source()).tree("sha256:" + "0" * 64)


@pytest.mark.parametrize(
    ("endpoint", "bucket", "url"),
    [
        ("s3.eu-west-1.amazonaws.com", "apps", "https://apps.s3.eu-west-1.amazonaws.com/a%20b"),
        ("oss-cn-hangzhou.aliyuncs.com", "apps", "https://apps.oss-cn-hangzhou.aliyuncs.com/a%20b"),
        ("s3.eu-west-1.amazonaws.com", "a.b", "https://s3.eu-west-1.amazonaws.com/a.b/a%20b"),
        ("minio.example:9000", "apps", "https://minio.example:9000/apps/a%20b"),
    ],
)
def test_clouds_have_buckets_as_hosts(endpoint: str, bucket: str, url: str) -> None:
    """Some refuse all else (SecondLevelDomainForbidden); other storages have one host."""
    nothing: Any = None
    sut = Storage(
        http=nothing,
        base=f"https://{endpoint}",
        bucket=bucket,
        keys=Keys("a", SecretStr("b")),
        region="",
        within=1,
        clock=moment,
    )
    asked, headers = sut.request("a b", {})
    assert asked == url
    assert headers["Host"] == url.split("/")[2]


def moment() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


async def test_prefix_and_ignore(world: World) -> None:
    """As Flux has it: the rules of the root and of the manifest, and nothing is left out unasked."""
    world.server.objects = {"apps/a.yaml": b"1", "apps/b.md": b"2", "other": b"3", "logo.png": b"4"}
    assert set(await world.files()) == {"apps/a.yaml", "apps/b.md", "other", "logo.png"}
    world.object(prefix="apps/", ignore="*.md")
    assert set(await world.files()) == {"apps/a.yaml"}
    world.server.objects[".sourceignore"] = b"other\n"
    world.object()
    assert set(await world.files()) == {"apps/a.yaml", "apps/b.md", "logo.png"}


async def test_keys_are_checked_and_not_shown(world: World) -> None:
    """Wrong keys are refused by the storage; without a Secret one asks as anybody."""
    world.server.objects = {"a": b"1"}
    world.keys("wrong-secret-key")
    with pytest.raises(TerminalError, match=r"403 .*SignatureDoesNotMatch.*spec\.secretRef") as caught:
        await world.files()
    assert "wrong-secret-key" not in str(caught.value)
    world.object(secretRef=None)
    with pytest.raises(TerminalError, match="403"):
        await world.files()
    world.server.open = True
    assert await world.files() == {"a": "1"}
    world.cluster.add({"kind": "Secret", "metadata": {"name": "keys", "namespace": "team"}, "data": {}})
    world.object()
    with pytest.raises(InvalidError, match="accesskey and secretkey"):
        await world.files()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"provider": "azure"}, r"spec\.provider 'azure'"),
        (
            {"sts": {"provider": "aws", "endpoint": "https://sts.example"}},
            r"spec\.sts\.provider 'aws' is not supported for spec\.provider generic: use ldap",
        ),
        ({"sts": {"provider": "ldap", "endpoint": "sts.example"}}, r"spec\.sts\.endpoint 'sts\.example' is no address"),
        ({"sts": {}}, r"spec\.sts\.provider ''"),
        (
            {"provider": "gcp", "sts": {"provider": "aws", "endpoint": "https://sts.example"}},
            r"spec\.sts\.provider 'aws' is not supported for spec\.provider gcp: leave spec\.sts out",
        ),
        (
            {"provider": "aws", "sts": {"provider": "aws", "endpoint": "https://a", "secretRef": {"name": "keys"}}},
            r"spec\.sts\.secretRef is not for the provider aws",
        ),
        ({"provider": "gcp"}, r"needs serviceaccount"),
        ({"endpoint": "https://host"}, r"spec\.endpoint is a host"),
        ({"serviceAccountName": "x"}, r"spec\.serviceAccountName"),
    ],
)
async def test_what_sluice_cannot_do_is_refused_by_its_field(world: World, spec: dict[str, Any], said: str) -> None:
    """Never tried with other rights."""
    world.object(**spec)
    with pytest.raises(InvalidError, match=said):
        await world.source()


async def test_what_is_not_there_and_what_is_too_much(world: World) -> None:
    """A bucket, a storage in trouble, a way out, too many bytes, an answer that unfolds."""
    world.object(bucketName="nobodys")
    with pytest.raises(NotFoundError, match="NoSuchBucket"):
        await world.files()
    world.object()
    world.server.status = 503
    with pytest.raises(TransientError, match="503"):
        await world.files()
    world.server.status = 0
    world.server.objects = {"a/../../x": b"bad"}
    with pytest.raises(InvalidError, match="leads out"):
        await world.files()
    world.server.objects = {"large": bytes(257 << 20)}
    with pytest.raises(InvalidError, match="large: with its 257 MiB"):
        await world.files()
    world.server.answer = lambda path, headers: (200, b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')  # type: ignore[method-assign]
    with pytest.raises(TerminalError, match="defines entities"):
        await world.files()
