"""`spec.postBuild` of a Kustomization: `${var}` in rendered objects, as Flux has it.

An object is written out as YAML, its text is expanded, and what comes of it is read again: so a number in a variable is a
number where nothing quotes it. The expressions are `sluice.sync.rendering.expressions`'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import GROUP
from sluice.sync.objects import Object, identity
from sluice.sync.rendering.expressions import expanded
from sluice.sync.yaml_text import Loader

SUBSTITUTE = f"{GROUP}/substitute"
"""`disabled` as label or annotation on an object: its text is left as it is."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class _Reader(Loader):
    """YAML as Flux reads what came of an object: `y` and `n` are truth values too."""


_Reader.yaml_implicit_resolvers = {first: list(rows) for first, rows in Loader.yaml_implicit_resolvers.items()}
_Reader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))
_Reader.add_constructor("tag:yaml.org,2002:bool", lambda loader, node: node.value.lower() in {"y", "yes", "on", "true"})


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """YAML as Go writes it: several lines as a block, whose text needs no escapes, and text plain where it stays text."""

    def _text(self, text: str) -> yaml.ScalarNode:
        rules = _Reader.yaml_implicit_resolvers
        otherwise = any(rule.match(text) for _, rule in [*rules.get(text[:1], ()), *rules.get(None, ())])
        style = "|" if "\n" in text else '"' if otherwise else None
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", text, style=style)
        return node

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: what is there twice is written twice."""
        return True


_Dumper.add_representer(str, _Dumper._text)


def checked(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, each on one line.

    Raises:
        InvalidError: one has a name that no expression can have.
    """
    for name in variables:
        if not _NAME.fullmatch(name):
            raise InvalidError(
                f"postBuild: {name!r} cannot be a variable's name: use letters, digits and '_', no digit first"
            )
    return {name: value.replace("\n", "") for name, value in variables.items()}


def substituted(one: Object, variables: Mapping[str, str], *, strict: bool = False) -> Object:
    """The object with its variables in place.

    Args:
        one: as it was rendered; it is left as it is.
        variables: as `checked` gave them.
        strict: refuse a variable that is not there and has no default; without that it is nothing.

    Raises:
        InvalidError: an expression is wrong, or what comes of it is no object; the message names the object and no value.
    """
    if not _mentions(one) or _disabled(one):
        return one
    where = f"postBuild: {identity(one)}"
    text = yaml.dump(one, Dumper=_Dumper, allow_unicode=True, width=2**30, default_flow_style=False)
    try:
        text = expanded(text, variables, strict=strict)
    except InvalidError as error:
        raise InvalidError(f"{where}: {error}") from None
    # What the reader says quotes the text, and with it values of Secrets.
    try:
        found = yaml.load(text, Loader=_Reader)  # noqa: S506 - a safe one
        _check(found)
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" (line {mark.line + 1} of the object as YAML)" if mark else ""
        raise InvalidError(
            f"{where} is no Kubernetes object with its variables in place{at}: quote the expression, or the variable's value"
        ) from None
    done: Object = found
    return done


def _check(found: Any) -> None:
    meta = found["metadata"]
    if not all(isinstance(text, str) and text for text in (found["apiVersion"], found["kind"], meta["name"])):
        raise ValueError


def _mentions(value: Any) -> bool:
    """Whether there is anything to expand: `${` or an escaped `$$`."""
    if isinstance(value, str):
        return "${" in value or "$$" in value
    if isinstance(value, Mapping):
        return any(_mentions(key) or _mentions(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_mentions, value))


def _disabled(one: Object) -> bool:
    meta = one.get("metadata") or {}
    return any((meta.get(place) or {}).get(SUBSTITUTE) == "disabled" for place in ("labels", "annotations"))
