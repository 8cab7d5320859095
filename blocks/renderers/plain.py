"""Plain manifests: a directory in which nothing is left for kustomize to do is read as it is, without the program.

Most of what a rendering costs is the program's: its start, a copy of the source, a file to name each file. Where a
directory has no `kustomization.yaml` and the Kustomization asks for no change, the program would give back the documents
that are there. Whatever is not as plain as that, and whatever is wrong with it, is left to the program and its words.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml

from blocks.renderers.fence import manifests, settings_file
from blocks.renderers.parsed import Parsed
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.objects import Object, identity
from sluice.sync.rendering.kustomization_file import generated, with_settings
from sluice.sync.yaml_text import Loader

MOST_BYTES = 16 * 1024 * 1024
"""Of all files together."""
known = Parsed(MOST_BYTES, 64 * 1024)
"""What was read last."""
OWN = ("config.kubernetes.io/", "internal.config.kubernetes.io/", "kustomize.config.k8s.io/")
"""Annotations by which kustomize leaves an object out or writes it in another way."""

_ANCHOR = re.compile(r"(?:^|[\s\[{,])&[^\s,\[\]{}]", re.MULTILINE)
"""What is written once and meant many times may be a gigabyte when somebody writes it out: the program has limits."""


class _NotPlainError(Exception):
    """The program knows better."""


class _Strict(Loader):
    """The loader, to which a key that is there twice, or is no text, is not plain."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping of as many keys as are written."""
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(made) != len(node.value) or not all(type(key) is str for key in made):
            raise _NotPlainError
        return made


def _not_plain(loader: Any, node: Any) -> Any:
    raise _NotPlainError


_Strict.yaml_implicit_resolvers = {first: list(rows) for first, rows in Loader.yaml_implicit_resolvers.items()}
_Strict.add_implicit_resolver("tag:yaml.org,2002:timestamp", re.compile(r"\d{4}-\d\d?-\d\d?"), list("0123456789"))
_Strict.add_constructor("tag:yaml.org,2002:timestamp", _not_plain)  # kustomize gives a date the time of day


def plain(tree: Path, spec: KustomizationSpec) -> list[Object] | None:
    """The objects of the Kustomization's directory; None where it takes the program to say.

    Args:
        tree: the files of the source.
        spec: of the Kustomization.
    """
    root = tree.resolve()
    place = (root / spec.path.lstrip("/")).resolve()
    if not place.is_relative_to(root) or not place.is_dir() or settings_file(place):
        return None
    try:
        names = manifests(place, root)
        document = generated([f"./{name}" for name in names])
        asked = with_settings(generated([f"./{name}" for name in names]), spec, lambda _: True)
        if not names or asked != document:
            return None
        return _objects([f"{place}/{name}" for name in names])
    except (_NotPlainError, InvalidError, yaml.YAMLError, OSError, UnicodeDecodeError, ValueError, RecursionError):
        return None


def _objects(files: list[str]) -> list[Object]:
    found: list[Object] = []
    size = 0
    for file in files:
        status = os.lstat(file)
        size += status.st_size
        if not stat.S_ISREG(status.st_mode) or size > MOST_BYTES:
            raise _NotPlainError
        with open(file, "rb", buffering=0) as content:
            raw = content.readall()
        found += known.of(raw, _documents)
    if not found or not all(map(_is_plain, found)) or len({identity(one) for one in found}) != len(found):
        raise _NotPlainError
    return found


def _documents(raw: bytes) -> list[Any]:
    text = raw.decode().replace("\r\n", "\n").replace("\r", "\n")  # as a text file is read
    if _ANCHOR.search(text):
        raise _NotPlainError
    return [one for one in yaml.load_all(text, Loader=_Strict) if one is not None]


def _is_plain(one: Any) -> bool:
    """Whether kustomize would give an object back as it is written."""
    if not isinstance(one, dict) or not all(isinstance(one.get(key), str) for key in ("apiVersion", "kind")):
        return False
    meta = one.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not meta["name"]:
        return False
    if one["kind"].endswith("List") or one["apiVersion"].startswith(OWN[-1]):
        return False
    annotations, namespace = meta.get("annotations") or {}, meta.get("namespace", "x")
    return (
        isinstance(annotations, dict)
        and isinstance(namespace, str)
        and not any(str(name).startswith(OWN) for name in annotations)
    )
