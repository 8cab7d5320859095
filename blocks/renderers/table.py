"""The renderers, by the kind of manifest that asks for one. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.renderers.base import Renderer
from blocks.renderers.kustomize import Kustomize
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import Kustomization

RENDERERS: Mapping[str, Callable[..., Renderer]] = {
    Kustomization.kind: Kustomize,
}


def renderer_for(kind: str, *, remote: bool = True, strict: bool = False) -> Renderer:
    """The renderer for a kind of manifest.

    Args:
        kind: of the manifest.
        remote: whether a source may name files of other places, over https.
        strict: whether a variable that is not set and has no default is refused.

    Raises:
        InvalidError: sluice has none.
    """
    if kind not in RENDERERS:
        raise InvalidError(f"sluice cannot render a {kind} yet; use one of: {', '.join(RENDERERS)}")
    return RENDERERS[kind](remote=remote, strict=strict)
