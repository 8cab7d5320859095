"""Container images without a container engine: a static program becomes an image that any registry takes.

The lab's images hold one or a few static programs, so a layer is a plain tar archive and an image is four requests
to the registry's HTTP API. Everything that could differ between two runs (times, owners, order) is fixed, so the
same files always have the same digest and a test can say which image it expects.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

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


def push_image(
    registry: str, name: str, tag: str, files: dict[str, Path], entrypoint: list[str], env: dict[str, str]
) -> str:
    """Push `files` as the image `registry/name:tag` and return the digest of its manifest.

    `registry` is host:port, as image references write it; it is spoken to over plain http.
    """
    layer = layer_of(files)
    config = config_of(layer, entrypoint, env)
    manifest = manifest_of(config, layer)
    try:
        with httpx.Client(base_url=f"http://{registry}", timeout=TIMEOUT_S, trust_env=False) as client:
            for blob in (layer, config):
                _push_blob(client, name, blob)
            url = f"/v2/{name}/manifests/{tag}"
            client.put(url, content=manifest, headers={"Content-Type": MANIFEST}).raise_for_status()
    except httpx.HTTPStatusError as error:
        detail = error.response.text.strip()[:300]
        raise LabError(f"the registry at {registry} refused {name}:{tag}: {error} {detail}") from error
    except httpx.HTTPError as error:
        raise LabError(f"the registry at {registry} does not answer ({error}): is the lab up?") from error
    return digest_of(manifest)


def _push_blob(client: httpx.Client, name: str, blob: bytes) -> None:
    digest = digest_of(blob)
    if client.head(f"/v2/{name}/blobs/{digest}").status_code == httpx.codes.OK:
        return
    started = client.post(f"/v2/{name}/blobs/uploads/")
    started.raise_for_status()
    upload = httpx.URL(started.headers["Location"]).copy_merge_params({"digest": digest})
    headers = {"Content-Type": "application/octet-stream"}
    client.put(upload, content=blob, headers=headers).raise_for_status()
