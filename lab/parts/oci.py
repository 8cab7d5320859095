"""Container images without a container engine: a static program becomes an image that any registry takes.

The lab's images hold one or a few static programs, so a layer is a plain tar archive and an image is four requests
to the registry's HTTP API. Everything that could differ between two runs (times, owners, order) is fixed, so the
same files always have the same digest and a test can say which image it expects.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import httpx

from lab.errors import LabError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
TIMEOUT_S = 30.0


def digest_of(content: bytes) -> str:
    """The content's name in a registry."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer_of(files: dict[str, Path]) -> bytes:
    """One uncompressed layer holding `files` (path in the image → file here), each executable and owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, source in sorted(files.items()):
            content = source.read_bytes()
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size = len(content)
            entry.mode = 0o755
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def config_of(layer: bytes, entrypoint: list[str], env: dict[str, str]) -> bytes:
    """The image's configuration: what runs, with which environment, as an ordinary user."""
    machine = platform.machine()
    document = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": [f"{k}={v}" for k, v in sorted(env.items())], "User": "65532"},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
    }
    return json.dumps(document, sort_keys=True).encode()


def manifest_of(config: bytes, layer: bytes) -> bytes:
    """The manifest, whose digest is the image's."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": LAYER, "digest": digest_of(layer), "size": len(layer)}],
    }
    return json.dumps(document, sort_keys=True).encode()


def archive(folder: Path, target: Path) -> None:
    """A folder as a layer in a file, owned by root. Times stay: what Python has compiled is good for just that source."""
    with tarfile.open(target, mode="w", format=tarfile.PAX_FORMAT) as layer:
        for place in sorted(folder.rglob("*")):
            entry = layer.gettarinfo(place, str(place.relative_to(folder)))
            if entry is None or not (entry.isreg() or entry.isdir() or entry.issym()):
                continue  # sockets and devices
            entry.uid, entry.gid, entry.mtime = 0, 0, int(entry.mtime)
            entry.uname = entry.gname = ""
            with place.open("rb") if entry.isreg() else contextlib.nullcontext() as content:
                layer.addfile(entry, content)


def push_layers(registry: str, name: str, tag: str, layers: Sequence[Path], config: Mapping[str, Any]) -> str:
    """Push layers that lie in files as the image `registry/name:tag` and return the digest of its manifest.

    `config` is the part of the image's configuration that says what runs, and how.
    """
    digests = [_digest_of_file(layer) for layer in layers]
    machine = platform.machine()
    about = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": dict(config),
        "rootfs": {"type": "layers", "diff_ids": digests},
    }
    written = json.dumps(about, sort_keys=True).encode()
    sizes = [layer.stat().st_size for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(written), "size": len(written)},
            "layers": [{"mediaType": LAYER, "digest": d, "size": n} for d, n in zip(digests, sizes, strict=True)],
        },
        sort_keys=True,
    ).encode()
    with _pushing(registry, name, tag) as client:
        for layer, digest in zip(layers, digests, strict=True):
            with layer.open("rb") as content:
                _push_content(client, name, digest, content)
        _push_blob(client, name, written)
        _push_manifest(client, name, tag, manifest)
    return digest_of(manifest)


def _digest_of_file(file: Path) -> str:
    with file.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()


def push_image(
    registry: str, name: str, tag: str, files: dict[str, Path], entrypoint: list[str], env: dict[str, str]
) -> str:
    """Push `files` as the image `registry/name:tag` and return the digest of its manifest.

    `registry` is host:port, as image references write it; it is spoken to over plain http.
    """
    layer = layer_of(files)
    config = config_of(layer, entrypoint, env)
    manifest = manifest_of(config, layer)
    with _pushing(registry, name, tag) as client:
        for blob in (layer, config):
            _push_blob(client, name, blob)
        _push_manifest(client, name, tag, manifest)
    return digest_of(manifest)


@contextlib.contextmanager
def _pushing(registry: str, name: str, tag: str) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(base_url=f"http://{registry}", timeout=TIMEOUT_S, trust_env=False) as client:
            yield client
    except httpx.HTTPStatusError as error:
        detail = error.response.text.strip()[:300]
        raise LabError(f"the registry at {registry} refused {name}:{tag}: {error} {detail}") from error
    except httpx.HTTPError as error:
        raise LabError(f"the registry at {registry} does not answer ({error}): is the lab up?") from error


def _push_manifest(client: httpx.Client, name: str, tag: str, manifest: bytes) -> None:
    url = f"/v2/{name}/manifests/{tag}"
    client.put(url, content=manifest, headers={"Content-Type": MANIFEST}).raise_for_status()


def _push_blob(client: httpx.Client, name: str, blob: bytes) -> None:
    _push_content(client, name, digest_of(blob), blob)


def _push_content(client: httpx.Client, name: str, digest: str, content: bytes | IO[bytes]) -> None:
    if client.head(f"/v2/{name}/blobs/{digest}").status_code == httpx.codes.OK:
        return
    started = client.post(f"/v2/{name}/blobs/uploads/")
    started.raise_for_status()
    upload = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": digest})
    headers = {"Content-Type": "application/octet-stream"}
    client.put(upload, content=content, headers=headers).raise_for_status()
