"""What every renderer can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from blocks.renderers.keys import Keys
from sluice.sync.objects import Object


@dataclass(frozen=True, slots=True)
class Means:
    """What a rendering is given that is not in the source.

    Attributes:
        keys: that open what is encrypted; None where nothing is to be decrypted.
        variables: for `${var}` in what was rendered; None where nothing is to be put in.
    """

    keys: Keys | None = None
    variables: Mapping[str, str] | None = None


NOTHING = Means()


class Renderer(Protocol):
    """Makes objects of a source's files, as the `spec` of one kind of manifest asks for."""

    async def render(self, tree: Path, spec: Any, means: Means = NOTHING) -> list[Object]:
        """The objects. The tree is shared and left as it is.

        Args:
            tree: the source's files.
            spec: of the manifest: the model of the kind that the renderer is for.
            means: what it is given from the cluster.

        Raises:
            NotFoundError: the source has not what the spec names.
            InvalidError: it cannot be rendered, or the spec leads out of the source; the message names the file or field.
            TerminalError: a program is missing; the message says which.
            TransientError: it took too long.
        """
