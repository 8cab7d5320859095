"""What the API server lists and watches for helm, with the health of each object as its user's expressions say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from sluice.errors import TransientError
from sluice.helm.objects.health import as_shown
from sluice.manifests.flux.kustomization import HealthCheckExpressions

Object = dict[str, Any]
MOST = 64 * 1024 * 1024
"""Bytes of a list, or of one event of a watch."""


async def shown(
    content: AsyncIterator[bytes], expressions: Iterable[HealthCheckExpressions], *, watch: bool
) -> AsyncIterator[bytes]:
    """The answer, piece by piece.

    Args:
        content: as the API server gives it.
        expressions: of the release.
        watch: whether it is one event a line, as they come.

    Raises:
        TransientError: a piece is larger than can be read.
    """
    every = tuple(expressions)
    async for piece in _pieces(content, b"\n" if watch else b""):
        yield _rewritten(piece, every, _event if watch else _list)


async def _pieces(content: AsyncIterator[bytes], end: bytes) -> AsyncIterator[bytes]:
    """The whole of it, or its lines."""
    left = bytearray()
    async for chunk in content:
        left += chunk
        if len(left) > MOST:
            raise TransientError(f"an answer of the API server has more than {MOST // 1024**2} MiB")
        while end and (at := left.find(end)) >= 0:
            line = bytes(left[: at + 1])
            del left[: at + 1]
            yield line
    if left:
        yield bytes(left)


def _rewritten(
    piece: bytes,
    expressions: tuple[HealthCheckExpressions, ...],
    change: Callable[[Object, tuple[HealthCheckExpressions, ...]], Object],
) -> bytes:
    """What is no JSON goes on as it is: it is not ours to judge."""
    try:
        found = json.loads(piece)
    except ValueError:
        return piece
    after = change(found, expressions) if isinstance(found, dict) else found
    return piece if after is found else json.dumps(after).encode() + (b"\n" if piece.endswith(b"\n") else b"")


def _list(found: Object, expressions: tuple[HealthCheckExpressions, ...]) -> Object:
    kind = (str(found.get("apiVersion", "")), str(found.get("kind", "")).removesuffix("List"))
    items = found.get("items")
    if not isinstance(items, list):
        return found
    after = [as_shown(item, kind, expressions) for item in items]
    same = all(one is other for one, other in zip(items, after, strict=True))
    return found if same else {**found, "items": after}


def _event(found: Object, expressions: tuple[HealthCheckExpressions, ...]) -> Object:
    item = found.get("object")
    if not isinstance(item, dict):
        return found
    after = as_shown(item, ("", ""), expressions)
    return found if after is item else {**found, "object": after}
