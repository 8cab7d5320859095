"""Rendering manifests with the `kustomize` program: what people see on their machines is what is applied.

The program reads what strangers wrote. What they name is looked at before it starts (`blocks.renderers.fence`), and where
the kernel can it is shut in with the source (`blocks.renderers.confined`): other sources, mirrors of repositories and our
own files are out of its reach, whatever it is made to do.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.renderers import confined
from blocks.renderers.base import NOTHING, Means
from blocks.renderers.fence import Named, manifests, named, own_copy, read_settings, settings_file
from blocks.renderers.plain import plain
from blocks.renderers.program import Call, Limits, Reach
from blocks.renderers.settings_text import written
from blocks.renderers.sops import Sops, opened
from sluice.addresses import cleaned
from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.manifests.flux.kustomization import CommonMetadata, KustomizationSpec
from sluice.sync.objects import Object, read_objects
from sluice.sync.rendering.encrypted import refuse_encrypted
from sluice.sync.rendering.kustomization_file import NAMES, Document, generated, with_settings
from sluice.sync.rendering.substitution import substituted

_PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What kustomize sees of our environment: nothing that is secret."""
_GIT = {
    "GIT_ALLOW_PROTOCOL": "https",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
}
"""kustomize calls git for a base that is somewhere else: over https, and as nobody."""
_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "runtime: cannot allocate")


@dataclass(frozen=True, slots=True)
class Kustomize:
    """Renders a directory of a source, for a Kustomization.

    Attributes:
        program: the `kustomize` program.
        timeout: seconds for one rendering.
        remote: whether a `kustomization.yaml` may name files and bases of other places, over https.
        sops: the `sops` program, where something is encrypted.
        limits: of one run of the program, but for its time.
        strict: whether a variable that is not set and has no default is refused.
        shut_in: whether the program gets to see the source only, where the kernel can do that.
    """

    program: str = "kustomize"
    timeout: float = 60.0
    remote: bool = True
    sops: str = "sops"
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    shut_in: bool = True

    async def render(self, tree: Path, spec: KustomizationSpec, means: Means = NOTHING) -> list[Object]:
        """The objects of the Kustomization's directory. Without a `kustomization.yaml` it is taken file by file, as in Flux.

        Raises:
            NotFoundError: the source has no such directory.
            InvalidError: kustomize refuses what is there, or it leads out of the source, or is too much.
            TerminalError: the program is missing.
            TransientError: it took too long.
        """
        async with AsyncExitStack() as stack:
            sops = await stack.enter_async_context(opened(means.keys, self.sops)) if means.keys is not None else None
            objects = await asyncio.to_thread(plain, tree, spec)
            if objects is None:
                objects = await self._by_program(tree, spec, sops)
            objects = await sops.objects(objects) if sops else objects
        refuse_encrypted(objects)
        return await asyncio.to_thread(self._finished, objects, spec, means)

    async def _by_program(self, tree: Path, spec: KustomizationSpec, sops: Sops | None = None) -> list[Object]:
        with tempfile.TemporaryDirectory(prefix="sluice-render-") as folder:
            source, below, files = await asyncio.to_thread(_prepare, Path(folder), tree, spec, remote=self.remote)
            if sops:
                await sops.files(files)
            text = await self._build(source, below, hushed=sops is not None)
            return await asyncio.to_thread(read_objects, text, f"the rendering of {spec.path or '/'}")

    def _finished(self, objects: list[Object], spec: KustomizationSpec, means: Means) -> list[Object]:
        if (variables := means.variables) is not None:
            objects = [substituted(one, variables, strict=self.strict) for one in objects]
        return [_labelled(one, spec.common_metadata) for one in objects]

    async def _build(self, source: Path, below: Path, *, hushed: bool) -> str:
        home = source.parent / "home"
        home.mkdir(mode=0o700)
        ports = None if self.remote else ()
        reach = Reach(read=(source,), write=(home,), ports=ports) if self.shut_in else None
        # Flux lets files of the whole source be named. Where the kernel does not guard us, kustomize does: less is allowed.
        restrictor = "LoadRestrictionsNone" if reach and confined.version() else "LoadRestrictionsRootOnly"
        call = Call(
            "kustomize",
            self.program,
            ("build", str(below), "--load-restrictor", restrictor),
            self._environment(home),
            reach=reach,
            limits=Limits(self.timeout, self.limits.memory, self.limits.output, self.limits.file),
        )
        try:
            code, out, said = await call.run()
        except InvalidError as error:
            raise InvalidError(f"the rendering is too large: {error}") from error
        if code:
            raise self._refusal(code, said, str(source), hushed=hushed)
        return out.decode()

    def _environment(self, home: Path) -> dict[str, str]:
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # Without a PATH there is no git, and without git no base of somewhere else.
        path = {"PATH": os.environ.get("PATH", os.defpath)} if self.remote else {"PATH": str(home)}
        return (
            passed | path | _GIT | {"HOME": str(home), "TMPDIR": str(home), "GOMEMLIMIT": str(self.limits.memory // 2)}
        )

    def _refusal(self, code: int, said: str, source: str, *, hushed: bool) -> InvalidError | TransientError:
        if any(sign in said for sign in _OUT_OF_MEMORY):
            most = self.limits.memory // 1024**2
            return InvalidError(f"kustomize needs more than {most:,} MiB for the source: take it apart")
        if code < 0:
            return TransientError(f"kustomize was ended by signal {-code}")
        if hushed:
            # It quotes what it cannot read, and that may be decrypted text.
            return InvalidError(
                "kustomize refuses the source, with decrypted files in it; try `kustomize build` on them"
            )
        message = " ".join(cleaned(said).replace(f"{source}/", "").replace(source, "the source").split())
        return InvalidError(f"kustomize refuses the source: {message[:1000]}")


def _prepare(folder: Path, tree: Path, spec: KustomizationSpec, *, remote: bool) -> tuple[Path, Path, list[Named]]:
    """A copy of the source with the Kustomization's settings in it, the directory in it that is to be built, and all that
    its files name."""
    source = folder.resolve() / "source"
    root = tree.resolve()
    place = (root / spec.path.lstrip("/")).resolve()
    if not place.is_relative_to(root):
        raise InvalidError(f"spec.path {spec.path!r} leads out of the source")
    if not place.is_dir():
        raise NotFoundError(f"spec.path {spec.path!r} is not a directory of the source")
    own_copy(root, source)
    below = source / place.relative_to(root)
    file = settings_file(below)
    document = _document(file, source) if file else generated([f"./{one}" for one in manifests(below, source)])
    target = file or below / NAMES[0]
    target.unlink(missing_ok=True)
    target.write_text(written(with_settings(document, spec, lambda path: (below / path).exists())))
    return source, below, named(source, below, remote=remote)


def _document(file: Path, root: Path) -> Document:
    documents = [one for one in read_settings(file, root) if one is not None]
    if not documents:
        return {}
    if not isinstance(documents[0], dict):
        raise InvalidError(f"{file.relative_to(root)} is not a mapping of fields")
    return documents[0]


def _labelled(one: Object, common: CommonMetadata) -> Object:
    """The object with the labels and annotations that all of them get.

    On the object itself only, as in Flux. kustomize's own `commonAnnotations` would also change the pods' templates, and
    so make a release out of a note.
    """
    meta: dict[str, Any] = dict(one["metadata"])
    for place, wanted in (("labels", common.labels), ("annotations", common.annotations)):
        if wanted:
            meta[place] = {**(meta.get(place) or {}), **wanted}
    return {**one, "metadata": meta}
