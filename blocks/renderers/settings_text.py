"""The YAML of a `kustomization.yaml`, read so that it can be written again as its author wrote it: `1.10` stays what it is.

It comes from strangers and may be made to take long: the C parser reads it, and what is nested without end is refused.
"""

from __future__ import annotations

from typing import Any

import yaml

from sluice.errors import InvalidError


class _Text(str):
    """A scalar as it was written.

    Attributes:
        tag: what YAML takes it for.
        style: how it was quoted.
    """

    tag: str
    style: str | None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose scalars are text."""

    def _text(self, node: yaml.ScalarNode) -> _Text:
        text = _Text(self.construct_scalar(node))
        text.tag, text.style = node.tag, node.style
        return text


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """The way back."""

    def _scalar(self, text: _Text) -> yaml.ScalarNode:
        node: yaml.ScalarNode = self.represent_scalar(text.tag, str(text), style=text.style)
        return node


for _name in ("str", "bool", "int", "float", "timestamp", "value"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _Loader._text)
_Dumper.add_representer(_Text, _Dumper._scalar)


def read(text: str) -> list[Any]:
    """The documents of a text.

    Raises:
        InvalidError: it is not YAML.
    """
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidError(f"not YAML: {' '.join(str(error).split())[:500]}") from error


def written(document: Any) -> str:
    """A document as text."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000))
