"""What is in a `kustomization.yaml`: a Kustomization's settings are written into it, and where it leads is read from it.

Flux writes the settings into the file itself and not into an overlay above it. That is another thing: a patch finds its
target by the name that the target has before the file's own prefix, and an image that the file renames is found by the
name that the file knows it by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import KustomizationSpec, KustomizeImage

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""How such a file may be named, in the order in which kustomize looks for it."""
HEAD = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
PLACEHOLDER = "_placeholder"
"""The namespace of a file with nothing in it, which kustomize would refuse."""

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|[a-z0-9]+::|[^/\s@]+@[^/\s:]+[:/]", re.IGNORECASE)
_TREES = ("resources", "bases", "components", "generators", "transformers", "validators")
"""Lists of files and of directories that have a file of this kind themselves."""
_FILES = ("crds", "configurations", "patchesStrategicMerge")
_WITH_PATH = ("patches", "patchesJson6902", "replacements")
_GENERATORS = ("configMapGenerator", "secretGenerator")
_PLUGINS = ("helmCharts", "helmChartInflationGenerator", "helmGlobals")
Document = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A place where a `kustomization.yaml` names something that is outside of itself.

    Attributes:
        field: for messages, such as `resources[2]`.
        path: what it says.
        tree: whether it may be a directory with a `kustomization.yaml` of its own.
        form: which format an encrypted file at that place has; empty where it is a manifest.
    """

    field: str
    path: str
    tree: bool = False
    form: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is somewhere else than in the source, by the way it is written."""
        return bool(_REMOTE.match(self.path))


def generated(resources: list[str]) -> Document:
    """The file for a directory that has none."""
    return {**HEAD, "resources": resources} if resources else {**HEAD, "namespace": PLACEHOLDER}


def with_settings(document: Document, spec: KustomizationSpec, exists: Callable[[str], bool]) -> Document:
    """The file with the settings of a Kustomization in it, as Flux writes them.

    Args:
        document: the file; it is changed.
        spec: of the Kustomization.
        exists: whether there is something at this path, seen from the file.

    Raises:
        InvalidError: a component is not in the source, or a list of the file is none.
    """
    for key, value in (
        ("namespace", spec.target_namespace),
        ("namePrefix", spec.name_prefix),
        ("nameSuffix", spec.name_suffix),
        ("buildMetadata", list(spec.build_metadata)),
    ):
        if value:
            document[key] = value
    _extend(document, "patches", [patch.model_dump(exclude_none=True) for patch in spec.patches])
    _extend(document, "components", _components(spec, exists))
    for image in spec.images:
        _set_image(document, image)
    if not any(document.get(key) for key in document if key not in {*HEAD, "metadata"}):
        document["namespace"] = PLACEHOLDER
    return document


def references(document: Mapping[str, Any]) -> Iterator[Reference]:
    """All that the file names outside of itself.

    Raises:
        InvalidError: it asks for a plugin that is off.
    """
    for plugin in _PLUGINS:
        if document.get(plugin):
            raise InvalidError(f"{plugin}: kustomize's helm plugin is off, it would run a program: use a HelmRelease")
    for key in _TREES:
        yield from (Reference(field, text, tree=True) for field, text in _texts(document, key))
    for key in _FILES:
        yield from (Reference(field, text) for field, text in _texts(document, key))
    for key in _WITH_PATH:
        for index, entry in enumerate(_list(document, key)):
            if isinstance(entry, Mapping) and entry.get("path"):
                path = str(entry["path"])
                yield Reference(f"{key}[{index}].path", path, form=form_of(path) if key == "patches" else "")
    for key in _GENERATORS:
        for index, entry in enumerate(_list(document, key)):
            if isinstance(entry, Mapping):
                yield from _generator(f"{key}[{index}]", entry, encrypted=key == "secretGenerator")
    if isinstance(schema := document.get("openapi"), Mapping) and schema.get("path"):
        yield Reference("openapi.path", str(schema["path"]))


def form_of(path: str) -> str:
    """The format of an encrypted file, by its name."""
    ending = path.rpartition(".")[2].lower() if "." in path else ""
    forms = {"yaml": "yaml", "yml": "yaml", "json": "json", "env": "dotenv", "ini": "ini", "dockerconfigjson": "json"}
    return forms.get(ending, "binary")


def _generator(field: str, entry: Mapping[str, Any], *, encrypted: bool) -> Iterator[Reference]:
    for place, text in _texts(entry, "files"):
        key, equals, path = text.partition("=")
        yield Reference(f"{field}.{place}", path if equals else key, form=form_of(key) if encrypted else "")
    named = [*_texts(entry, "envs"), *([("env", str(entry["env"]))] if entry.get("env") else [])]
    for place, path in named:
        form = form_of(path)
        form = "dotenv" if form == "binary" else form
        yield Reference(f"{field}.{place}", path, form=form if encrypted else "")


def _components(spec: KustomizationSpec, exists: Callable[[str], bool]) -> list[str]:
    found = []
    for index, path in enumerate(spec.components):
        if path.startswith("/") or Reference("", path).remote:
            raise InvalidError(
                f"spec.components[{index}] {path!r} is not in the source: name a directory, relative to spec.path"
            )
        if exists(path) or not spec.ignore_missing_components:
            found.append(path)
    return found


def _set_image(document: Document, image: KustomizeImage) -> None:
    """Change an entry of the same name field by field; tag and digest are one field, the version."""
    entries = _list(document, "images")
    for entry in entries:
        if isinstance(entry, MutableMapping) and entry.get("name") == image.name:
            if image.new_name:
                entry["newName"] = image.new_name
            if image.new_tag or image.digest:
                for key, value in (("newTag", image.new_tag), ("digest", image.digest)):
                    entry.pop(key, None)
                    if value:
                        entry[key] = value
            return
    entry = {k: v for k, v in image.model_dump(by_alias=True).items() if v}
    document["images"] = [*entries, entry]


def _extend(document: Document, key: str, more: list[Any]) -> None:
    if more:
        document[key] = [*_list(document, key), *more]


def _texts(document: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    """The entries of a list that are paths; several lines are a manifest that is written out in place."""
    for index, entry in enumerate(_list(document, key)):
        if isinstance(entry, str) and "\n" not in entry.strip():
            yield f"{key}[{index}]", entry


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        raise InvalidError(f"{key} is not a list: write each entry on a line of its own after '- '")
    return value
