"""flagd's flag definitions in git, JSON or YAML, read and edited byte by byte."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from sluice.errors import InvalidError, NotFoundError
from sluice.flags.files import text as edit
from sluice.flags.flag import Flag, Wish
from sluice.flags.flagd import TARGETING, Raw, flag_of, turned

NAMES = ("flags.json", "flags.flagd.json", "flags.yaml")
"""What the file is called where nobody says it."""


def read(text: str, environment: str, where: str) -> tuple[Flag, ...]:
    """All flags of a file, with their state in the environment that the file is of.

    Raises:
        InvalidError: the file or a flag of it is not valid; the message names the place.
    """
    return tuple(flag_of(key, raw, environment, where) for key, raw in _raw(text, where).items())


def edited(text: str, key: str, wish: Wish, where: str) -> str:
    """The file with one flag turned; every byte that is not part of that stays.

    Raises:
        NotFoundError: there is no such flag.
        TerminalError: the flag is not made for that; the message has the way out.
    """
    before = _raw(text, where)
    if key not in before:
        raise NotFoundError(f"{where} has no flag {key}")
    raw = before[key]
    wanted = turned(key, raw, wish)
    return _written(text, key, raw, wanted, where)


def archived(text: str, key: str, where: str) -> str:
    """The file with one flag marked as archived in its metadata, where it has it."""
    before = _raw(text, where)
    if key not in before:
        return text
    raw = before[key]
    return _written(text, key, raw, raw | {"metadata": (raw.get("metadata") or {}) | {"archived": True}}, where)


def _written(text: str, key: str, raw: Raw, wanted: Raw, where: str) -> str:
    """The text with what differs between the two written into it; proven by reading it once more."""
    before = _raw(text, where)
    for name in [name for name in wanted if wanted[name] != raw.get(name)]:
        text = edit.spliced(text, [_set(text, key, name, raw, wanted, where)])
    if _raw(text, where) != before | {key: wanted}:
        raise InvalidError(
            f"{where}: flag {key} is written in a way that cannot be edited: write it without anchors and aliases"
        )
    return text


def _set(text: str, key: str, name: str, raw: Raw, wanted: Raw, where: str) -> edit.Splice:
    flag = edit.child(edit.child(_root(text, where), "flags"), key)
    there = edit.child(flag, name)
    if there is None:
        if not isinstance(flag, yaml.MappingNode):
            raise InvalidError(f"{where}: flag {key} is no mapping")
        return edit.with_key(text, flag, name, wanted[name])
    new, old = wanted[name], raw.get(name)
    if name == TARGETING and isinstance(new, dict) and old and new.get("if", [None])[-1] == old:
        # What is covered stays as it is written, byte by byte.
        whole = edit.source(text, there) if isinstance(there, yaml.MappingNode) and there.flow_style else edit.flow(old)
        head = edit.flow([*new["if"][:-1]]).removesuffix("]")
        return edit.replaced_by(text, there, f'{{"if": {head}, {whole}]}}')
    if name == TARGETING and isinstance(old, dict) and new and "if" in old and old["if"][-1] == new:
        inner = edit.child(there, "if")
        return edit.replaced_by(text, there, edit.source(text, inner.value[-1]) if inner is not None else "{}")
    return edit.replaced(text, there, new)


def _root(text: str, where: str) -> yaml.Node:
    roots = edit.documents(text, where)
    if len(roots) != 1 or not isinstance(roots[0], yaml.MappingNode):
        raise InvalidError(f"{where} is no mapping with flags")
    return roots[0]


def _raw(text: str, where: str) -> dict[str, Raw]:
    flags = edit.child(_root(text, where), "flags")
    found: dict[str, Raw] = {}
    for key, node in _entries(flags, where):
        value = edit.plain(node)
        if not isinstance(value, dict):
            raise InvalidError(f"{where}: flag {key} is no mapping")
        if key in found:
            raise InvalidError(f"{where} has flag {key} twice: remove one of the two")
        found[key] = value
    return found


def _entries(flags: yaml.Node | None, where: str) -> Iterator[tuple[str, yaml.Node]]:
    if not isinstance(flags, yaml.MappingNode):
        raise InvalidError(f"{where} has no mapping `flags`")
    return edit.pairs(flags)
