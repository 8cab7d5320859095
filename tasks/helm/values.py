"""The values of a HelmRelease, out of what it names."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CONFIG_MAP, SECRET
from sluice.errors import InvalidError
from sluice.helm.values.composed import composed
from sluice.manifests.flux.helm.release import HelmRelease, ValuesReference

SHORTEST = 4
"""Characters of a text that is worth hiding: shorter ones are in any message."""


async def values_of(cluster: Cluster, release: HelmRelease) -> tuple[dict[str, Any], frozenset[str]]:
    """The values, and the texts of them that came out of Secrets: no message may have one of these.

    Raises:
        NotFoundError: what is not optional is not there.
        InvalidError: what is there are no values.
    """
    objects: dict[tuple[str, str], dict[str, Any] | None] = {}
    texts: list[tuple[ValuesReference, str | None]] = []
    hidden: set[str] = set()
    for one in release.spec.values_from:
        key = (one.kind, one.name)
        if key not in objects:
            kind = SECRET if one.kind == "Secret" else CONFIG_MAP
            objects[key] = await cluster.find(kind, one.name, release.namespace)
        text = _text(objects[key], one)
        texts.append((one, text))
        if one.kind == "Secret" and text is not None:
            hidden |= set(_leaves(composed({}, [(one, text)])))
    return composed(release.spec.values, texts), frozenset(hidden)


def _text(found: dict[str, Any] | None, reference: ValuesReference) -> str | None:
    if found is None:
        return None
    data = found.get("data") or {}
    if reference.values_key not in data:
        return None
    raw = str(data[reference.values_key])
    if reference.kind == "ConfigMap":
        return raw
    try:
        return base64.b64decode(raw, validate=True).decode()
    except ValueError:
        raise InvalidError(
            f"spec.valuesFrom: Secret {reference.name}, key {reference.values_key} is not text"
        ) from None


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) >= SHORTEST:
        yield str(value)


def masked(text: str, hidden: frozenset[str]) -> str:
    """A message without what came out of Secrets, plain or encoded."""
    for one in sorted(hidden, key=len, reverse=True):
        for form in (one, base64.b64encode(one.encode()).decode()):
            text = text.replace(form, "***")
    return text
