"""Rendering manifests with the `kustomize` program: what people see on their machines is what is applied."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sluice.addresses import cleaned
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.flux.kustomization import CommonMetadata, KustomizationSpec
from sluice.sync.objects import Object, read_objects

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MANIFEST_ENDINGS = {".yaml", ".yml"}
_PASSED_ON = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
"""What kustomize sees of our environment: nothing that is secret. Sources may name remote bases, which it fetches."""


@dataclass(frozen=True, slots=True)
class Kustomize:
    """Renders a directory of a source, for a Kustomization.

    Attributes:
        program: the `kustomize` program.
        timeout: seconds for one rendering.
    """

    program: str = "kustomize"
    timeout: float = 60.0

    async def render(self, tree: Path, spec: KustomizationSpec) -> list[Object]:
        """The objects of the Kustomization's directory. Without a `kustomization.yaml` it is taken file by file, as in Flux.

        Raises:
            NotFoundError: the source has no such directory.
            InvalidError: kustomize refuses what is there; the message is kustomize's.
            TerminalError: the program is missing.
            TransientError: it took too long.
        """
        with tempfile.TemporaryDirectory(prefix="sluice-render-") as folder:
            overlay = await asyncio.to_thread(_prepare, Path(folder), tree, spec)
            objects = read_objects(await self._build(overlay), f"the rendering of {spec.path or '/'}")
        return [_labelled(one, spec.common_metadata) for one in objects]

    async def _build(self, folder: Path) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                self.program,
                "build",
                str(folder),
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ}
                | {"HOME": str(folder.parent)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise TerminalError(f"the program {self.program!r} is not there: install kustomize") from error
        try:
            async with asyncio.timeout(self.timeout):
                out, said = await process.communicate()
        except TimeoutError as error:
            raise TransientError(f"kustomize took more than {self.timeout:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            message = " ".join(cleaned(said.decode(errors="replace")).replace(str(folder.parent), "").split())
            raise InvalidError(f"kustomize refuses the source: {message[:1000]}")
        return out.decode()


def _prepare(folder: Path, tree: Path, spec: KustomizationSpec) -> Path:
    """An overlay over a copy of the source: the tree is shared and read only, and settings have to be added to it."""
    root = tree.resolve()
    place = (root / spec.path.lstrip("/")).resolve()
    if not place.is_relative_to(root):
        raise InvalidError(f"spec.path {spec.path!r} leads out of the source")
    if not place.is_dir():
        raise NotFoundError(f"spec.path {spec.path!r} is not a directory of the source")
    copy, overlay = folder / "source", folder / "overlay"
    shutil.copytree(root, copy, symlinks=True)
    below = copy / place.relative_to(root)
    if not any((below / name).is_file() for name in NAMES):
        _write(below, {"resources": _manifests(below)})
    overlay.mkdir()
    _write(overlay, _overlay(spec, f"../source/{place.relative_to(root)}"))
    return overlay


def _manifests(folder: Path) -> list[str]:
    """What to apply of a directory without a `kustomization.yaml`, as Flux has it: its YAML files and those below.

    A directory below that has a `kustomization.yaml` is taken as a whole; what is there for a forge's pipelines (all
    that begins with a dot) is left out.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here != folder and any(name in NAMES for name in files):
            folders.clear()
            found.append(str(here.relative_to(folder)))
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        wanted = [name for name in files if Path(name).suffix in MANIFEST_ENDINGS and not name.startswith(".")]
        found += [str((here / name).relative_to(folder)) for name in wanted if (here / name).is_file()]
    return sorted(found)


def _overlay(spec: KustomizationSpec, base: str) -> dict[str, Any]:
    """The Kustomization's own settings as a `kustomization.yaml` over its directory."""
    wanted: dict[str, Any] = {
        "resources": [base],
        "namespace": spec.target_namespace,
        "namePrefix": spec.name_prefix,
        "nameSuffix": spec.name_suffix,
        "components": [f"{base}/{component}" for component in spec.components],
        "patches": [patch.model_dump(exclude_none=True) for patch in spec.patches],
        "images": [{k: v for k, v in image.model_dump(by_alias=True).items() if v} for image in spec.images],
    }
    return {key: value for key, value in wanted.items() if value}


def _labelled(one: Object, common: CommonMetadata) -> Object:
    """The object with the labels and annotations that all of them get.

    On the object itself only, as in Flux. kustomize's own `commonAnnotations` would also change the pods' templates, and
    so make a release out of a note.
    """
    meta = dict(one["metadata"])
    for place, wanted in (("labels", common.labels), ("annotations", common.annotations)):
        if wanted:
            meta[place] = {**(meta.get(place) or {}), **wanted}
    return {**one, "metadata": meta}


def _write(folder: Path, content: dict[str, Any]) -> None:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(head | content, sort_keys=False))
