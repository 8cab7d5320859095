"""Values as a Go template meets them: structs with fields and methods, what is empty, in which order a map is walked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.templates.errors import TemplateError


class Missing:
    """What a map does not have: printed as `<no value>`, and empty."""

    def __repr__(self) -> str:
        return "<no value>"


MISSING = Missing()
"""The one value of its kind."""


class Texts(dict[str, str]):
    """A map of texts: by `index`, what it does not have is an empty text."""


@dataclass(frozen=True)
class Struct:
    """A Go struct.

    Attributes:
        type: its name, for messages.
        fields: in the order of its declaration, which is how it is printed and ordered.
        methods: what can be asked of it; called with the template's arguments.
        string: how it prints itself; None where Go prints its fields.
        embeds: fields whose own fields can be read as this struct's.
    """

    type: str
    fields: Mapping[str, Any]
    methods: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    string: str | None = None
    embeds: tuple[str, ...] = ()

    def __hash__(self) -> int:
        return hash((self.type, tuple(self.fields.values())))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and (self.type, self.fields) == (other.type, other.fields)

    def find(self, name: str) -> Any:
        """The field or the method of that name; MISSING where there is none."""
        if name in self.fields:
            return self.fields[name]
        if name in self.methods:
            return self.methods[name]
        for one in self.embeds:
            inner = self.fields[one]
            found = inner.find(name) if isinstance(inner, Struct) else MISSING
            if found is not MISSING:
                return found
        return MISSING


def truth(value: Any) -> bool:
    """Whether a value counts as true: everything but false, zero, nil and what is empty."""
    if isinstance(value, Struct):
        return True
    return value is not MISSING and bool(value)


def type_name(value: Any) -> str:
    """What Go calls the type of a value."""
    match value:
        case None | Missing():
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case bytes():
            return "[]uint8"
        case Struct():
            return value.type
        case Mapping():
            return "map[string]interface {}"
    return "[]string" if value and all(isinstance(one, str) for one in value) else "[]interface {}"


def field_of(value: Any, name: str) -> Any:
    """`.name` of a value: a field, a method (to be called), or what a map has.

    Raises:
        TemplateError: it has no such thing.
    """
    if isinstance(value, Struct):
        found = value.find(name)
        if found is MISSING:
            raise TemplateError(f"can't evaluate field {name} in type {value.type}")
        return found
    if isinstance(value, Mapping):
        return value.get(name, MISSING)
    if value is MISSING:
        return MISSING
    if value is None:
        raise TemplateError(f"nil pointer evaluating interface {{}}.{name}")
    raise TemplateError(f"can't evaluate field {name} in type {type_name(value)}")


def ordered(keys: Any) -> list[Any]:
    """The keys of a map in the order in which Go walks it: numbers, texts by their bytes, structs field by field."""
    return sorted(keys, key=functools.cmp_to_key(_compare))


def _compare(one: Any, other: Any) -> int:
    if isinstance(one, Struct) and isinstance(other, Struct):
        for mine, theirs in zip(one.fields.values(), other.fields.values(), strict=False):
            if found := _compare(mine, theirs):
                return found
        return 0
    mine, theirs = (value.encode() if isinstance(value, str) else value for value in (one, other))
    if type(mine) is not type(theirs):
        mine, theirs = type_name(one), type_name(other)
    return int(mine > theirs) - int(mine < theirs)
