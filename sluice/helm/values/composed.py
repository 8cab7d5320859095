"""The values of a release: what it names in ConfigMaps and Secrets, in that order, and its own over these.

A reference with a `targetPath` goes over the release's own values where its path leads into a map of theirs. That is what
Flux does, whose users rely on it: there the path is written into the map itself. No message quotes a value.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from sluice.errors import InvalidError, NotFoundError
from sluice.helm.values.set_path import put_path
from sluice.helm.values.yaml_reader import GoLoader
from sluice.manifests.flux.helm.release import ValuesReference

Values = dict[str, Any]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """Both, where maps are merged and of everything else `above` wins. A null stays: to helm it takes a default away."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def read_values(text: str, where: str) -> Values:
    """The values in a YAML document.

    Raises:
        InvalidError: it is no map; `where` is how the message calls it.
    """
    try:
        found = yaml.load(text, Loader=GoLoader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise InvalidError(f"{where} is not YAML{line}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidError(f"{where} is no map of values but {type(found).__name__}")
    plain: Values = _plain(found)
    return plain


def composed(own: Mapping[str, Any], references: Iterable[tuple[ValuesReference, str | None]]) -> Values:
    """The values of a release.

    Args:
        own: `spec.values`.
        references: each with what its key has; None where that is not there.

    Raises:
        NotFoundError: one that is not optional is not there.
        InvalidError: one has no values that can be read, or its path leads nowhere.
    """
    own = copy.deepcopy(dict(own))
    result: Values = {}
    for reference, text in references:
        where = f"{reference.kind} {reference.name}, key {reference.values_key}"
        if text is None:
            if reference.optional:
                continue
            raise NotFoundError(f"spec.valuesFrom: {where} is not there: create it, or set optional: true")
        if reference.target_path:
            result = merged(result, own)
            put_path(result, reference.target_path, text, literal=reference.literal)
        else:
            result = merged(result, read_values(text, f"spec.valuesFrom: {where}"))
    return merged(result, own)


def same_values(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both are one to helm, which has only one kind of number."""
    return bool(_comparable(one) == _comparable(other))


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _comparable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_comparable(each) for each in value]
    if isinstance(value, bool) or value is None:
        return ("", value)  # Python takes True for 1
    return float(value) if isinstance(value, int | float) else value


def _plain(value: Any) -> Any:
    """As JSON has it: keys are strings, times are text."""
    if isinstance(value, dict):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidError("values have a number that is not finite")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _key(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)
