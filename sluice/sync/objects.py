"""What the rules of a sync read from a rendered object: its identity and the user's wishes on it."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from sluice.errors import InvalidError
from sluice.sync.yaml_text import Loader

Object = dict[str, Any]


class ObjectId(BaseModel):
    """Which object of the cluster."""

    model_config = ConfigDict(frozen=True)
    group: str
    version: str
    kind: str
    namespace: str
    """Empty for objects without a namespace."""
    name: str

    @property
    def api_version(self) -> str:
        """Group and version as a manifest writes them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def identity(manifest: Object) -> ObjectId:
    """The identity of a manifest."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    meta = manifest["metadata"]
    return ObjectId(
        group=group, version=version, kind=manifest["kind"], namespace=meta.get("namespace", ""), name=meta["name"]
    )


def read_objects(text: str, where: str) -> list[Object]:
    """The objects of a YAML text with any number of documents; a `List` is taken apart, empty documents are skipped.

    Args:
        text: the YAML.
        where: what to call it in an error.

    Raises:
        InvalidError: not YAML, or a document is no Kubernetes object.
    """
    try:
        documents = list(yaml.load_all(text, Loader=Loader))
    except yaml.YAMLError as error:
        raise InvalidError(f"{where} is not YAML: {' '.join(str(error).split())}") from error
    found: list[Object] = []
    for document in documents:
        if document is None:
            continue
        if isinstance(document, dict) and str(document.get("kind", "")).endswith("List") and "items" in document:
            found += document["items"] or []
        else:
            found.append(document)
    for one in found:
        _check(one, where)
    return found


def _check(document: Any, where: str) -> None:
    if not isinstance(document, dict):
        raise InvalidError(f"{where}: a document is not a Kubernetes object but {type(document).__name__}")
    meta = document.get("metadata")
    missing = [key for key in ("apiVersion", "kind") if not isinstance(document.get(key), str)]
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        missing.append("metadata.name")
    if missing:
        raise InvalidError(f"{where}: an object lacks {', '.join(missing)}")
