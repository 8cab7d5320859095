"""`features.yml`: Flipt's flags in git, one document for each namespace, read and edited byte by byte."""

from __future__ import annotations

from typing import Any

import yaml

from sluice.errors import InvalidError, NotFoundError
from sluice.flags.files import text as edit
from sluice.flags.flipt.definition import ARCHIVED, Definition, Rollout
from sluice.flags.flipt.edits import Edits, after
from sluice.flags.flipt.payload import definition, everyone

DEFAULT = "default"
NAMES = ("features.yml", "features.yaml", "features.json")
"""What the file is called where nobody says it."""


def read(text: str, namespace: str, where: str) -> tuple[Definition, ...]:
    """All flags of a namespace.

    Args:
        text: of the file, without any translation of line ends.
        namespace: whose flags.
        where: for messages.

    Raises:
        InvalidError: the file or a flag of it is not valid; the message names the place.
    """
    found: dict[str, Definition] = {}
    for root in _of(text, namespace, where):
        raw = edit.plain(root)
        flags, segments = raw.get("flags") or [], raw.get("segments") or []
        if not isinstance(flags, list) or not isinstance(segments, list):
            raise InvalidError(f"{where}: flags and segments are lists")
        universal = everyone(segments)
        for one in flags:
            flag = definition(one, universal, where)
            if flag.key in found:
                raise InvalidError(f"{where} has flag {flag.key} twice: remove one of the two")
            found[flag.key] = flag
    return tuple(found.values())


def edited(text: str, namespace: str, key: str, made: Edits, where: str) -> str:
    """The file with one flag edited; every byte that is not part of that stays.

    Raises:
        NotFoundError: there is no such flag.
        InvalidError: the file is not valid, or the flag is written in a way that cannot be edited: an anchor, an alias.
    """
    before = {flag.key: flag for flag in read(text, namespace, where)}
    node = _flag(text, namespace, key, where)
    # One edit after the other: each finds its places in the text that the one before has left.
    for step in _steps(before[key], made):
        text = edit.spliced(text, _splices(text, _flag(text, namespace, key, where), step))
    try:
        now = {flag.key: flag for flag in read(text, namespace, where)}
    except InvalidError:
        now = {}
    if now != before | {key: after(before[key], made)}:
        raise InvalidError(
            f"{where}: flag {key} in line {node.start_mark.line + 1} is written in a way that cannot be edited without a "
            "change of others: write it without anchors and aliases"
        )
    return text


def _steps(flag: Definition, made: Edits) -> list[Edits]:
    said = made.model_dump(exclude_none=True)
    if made.lead is not None:
        said |= {"drop": said.pop("lead"), "first": flag.rollouts[made.lead]}
    return [Edits.model_validate({name: value}) for name, value in said.items()]


def _splices(text: str, flag: yaml.MappingNode, made: Edits) -> list[edit.Splice]:
    rollouts = edit.child(flag, "rollouts")
    if made.enabled is not None:
        return [_set(text, flag, "enabled", made.enabled)]
    if made.archived is not None:
        metadata = edit.child(flag, "metadata")
        if isinstance(metadata, yaml.MappingNode) and metadata.value:
            return [_set(text, metadata, ARCHIVED, made.archived)]
        return [_set(text, flag, "metadata", {ARCHIVED: made.archived})]
    if made.percentage is not None:
        return [
            _set(text, edit.child(_at(rollouts, made.percentage[0]), "threshold"), "percentage", made.percentage[1])
        ]
    if made.parts is not None:
        parts = edit.child(_at(edit.child(flag, "rules"), made.parts[0]), "distributions")
        nodes = parts.value if isinstance(parts, yaml.SequenceNode) else []
        named = [(str(getattr(edit.child(one, "variant"), "value", "")), one) for one in nodes]
        return [_set(text, one, "rollout", made.parts[1][name]) for name, one in named]
    if made.drop is not None:
        return [_drop(text, flag, made.drop)]
    new = made.first or made.last
    return [_added(text, flag, rollouts, new, first=made.first is not None)] if new is not None else []


def _added(text: str, flag: yaml.MappingNode, there: yaml.Node | None, new: Rollout, *, first: bool) -> edit.Splice:
    raw = {"description": new.description, "threshold": {"percentage": new.percentage, "value": new.value}}
    if isinstance(there, yaml.SequenceNode):
        return edit.with_item(text, there, 0 if first else len(there.value), raw)
    return edit.with_key(text, flag, "rollouts", [raw]) if there is None else edit.replaced(text, there, [raw])


def _drop(text: str, flag: yaml.MappingNode, index: int) -> edit.Splice:
    key, there = next(pair for pair in flag.value if pair[0].value == "rollouts")
    if len(there.value) == 1:
        return edit.emptied(text, key, there)
    return edit.without_item(text, there, index)


def _set(text: str, node: Any, name: str, value: Any) -> edit.Splice:
    there = edit.child(node, name)
    if there is not None:
        return edit.replaced(text, there, value)
    return edit.with_key(text, node, name, value)


def _at(node: yaml.Node | None, index: int) -> yaml.Node | None:
    return node.value[index] if isinstance(node, yaml.SequenceNode) else None


def _flag(text: str, namespace: str, key: str, where: str) -> yaml.MappingNode:
    for root in _of(text, namespace, where):
        flags = edit.child(root, "flags")
        for one in flags.value if isinstance(flags, yaml.SequenceNode) else []:
            if isinstance(one, yaml.MappingNode) and str(getattr(edit.child(one, "key"), "value", "")) == key:
                return one
    raise NotFoundError(f"{where} has no flag {key} in namespace {namespace}")


def _of(text: str, namespace: str, where: str) -> list[yaml.MappingNode]:
    """The documents of a namespace."""
    found = []
    for root in edit.documents(text, where):
        if not isinstance(root, yaml.MappingNode):
            raise InvalidError(f"{where} is no mapping with flags and segments")
        named = edit.child(root, "namespace")
        inner = edit.child(named, "key") if isinstance(named, yaml.MappingNode) else named
        if (str(inner.value) if inner is not None and inner.value else DEFAULT) == namespace:
            found.append(root)
    return found
