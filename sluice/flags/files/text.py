"""Edits of YAML and JSON that change what they must and no other byte: comments, quotes, order and line ends stay.

The parser only says where a node stands; new text is spliced into the old there. Who edits reads the result once more and
compares it with what was meant, so that a place that this does not understand is an error and never a broken file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from sluice.errors import InvalidError

MOST_BYTES = 32 << 20
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {"true": True, "True": True, "false": False, "False": False, "null": None, "~": None, "": None}
_SURROGATE = re.compile(r"(?<!\\)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class Splice:
    """New text in place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def documents(text: str, where: str) -> list[yaml.Node]:
    """The roots of all documents of a file.

    Raises:
        InvalidError: it is too large, or neither YAML nor JSON.
    """
    if len(text) > MOST_BYTES:
        raise InvalidError(f"{where} has more than {MOST_BYTES >> 20} MiB: split it by namespaces")
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        # YAML has no pairs of surrogates, which JSON may have; what is as long keeps every place where it is.
        shown = _SURROGATE.sub(r"\\u0041", text.removeprefix("\ufeff"))
        return [root for root in yaml.compose_all(shown, Loader=loader) if root is not None]
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" in line {mark.line + 1}" if mark is not None else ""
        raise InvalidError(
            f"{where} is not valid YAML{at}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from None


def plain(node: yaml.Node, depth: int = 0) -> Any:
    """The value of a node by the rules of YAML 1.2: `on`, `off`, `yes` and `no` are texts, as Go's readers have them.

    Raises:
        InvalidError: it is nested more deeply than any file of flags.
    """
    if depth > 100:
        raise InvalidError("it is nested more than 100 levels deep")
    if isinstance(node, yaml.MappingNode):
        return {str(plain(key, depth + 1)): plain(value, depth + 1) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(one, depth + 1) for one in node.value]
    text = str(node.value)
    if getattr(node, "style", None) in ("'", '"', "|", ">"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return float(text) if any(sign in text for sign in ".eE") else int(text)
    return text


def pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Keys and value nodes of a mapping; nothing of anything else."""
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)


def child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The value node of a key."""
    return next((value for key, value in pairs(node) if key == name), None)


def spliced(text: str, splices: list[Splice]) -> str:
    """The text with all splices, which do not overlap."""
    shift = 1 if text.startswith("\ufeff") else 0
    for one in sorted(splices, key=lambda splice: (splice.start, splice.end), reverse=True):
        text = text[: one.start + shift] + one.text + text[one.end + shift :]
    return text


def scalar(value: Any) -> str:
    """A value as both YAML and JSON read it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def replaced(text: str, node: yaml.Node, value: Any) -> Splice:
    """The node's text replaced, on one line."""
    return Splice(node.start_mark.index, _end(text.removeprefix("\ufeff"), node), flow(value))


def source(text: str, node: yaml.Node) -> str:
    """What a node of flow style is written as."""
    text = text.removeprefix("\ufeff")
    return text[node.start_mark.index : _end(text, node)]


def replaced_by(text: str, node: yaml.Node, new: str) -> Splice:
    """The node's text replaced by text that is written already."""
    return Splice(node.start_mark.index, _end(text.removeprefix("\ufeff"), node), new)


def flow(value: Any) -> str:
    """A structure on one line, which is YAML and JSON alike."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def with_key(text: str, node: yaml.MappingNode, name: str, value: Any) -> Splice:
    """A key with its value at the end of a mapping that has it not.

    Raises:
        InvalidError: the mapping is empty in block style: there is no place.
    """
    text = text.removeprefix("\ufeff")
    if node.flow_style:
        return _into_flow(text, node.value[-1][1] if node.value else None, node, f"{json.dumps(name)}: {flow(value)}")
    if not node.value:
        raise InvalidError(f"there is no place for {name}")
    at = _line_end(text, _end(text, node))
    newline = _newline(text)
    return Splice(at, at, newline + newline.join(block(name, value, node.value[0][0].start_mark.column)))


def with_item(text: str, node: yaml.SequenceNode, index: int, value: Any) -> Splice:
    """An item put into a list, before the one that is at the index now, or at the end.

    Raises:
        InvalidError: the list is empty in block style: there is no place.
    """
    text = text.removeprefix("\ufeff")
    if node.flow_style:
        if index < len(node.value):
            at = node.value[index].start_mark.index
            return Splice(at, at, flow(value) + ", ")
        return _into_flow(text, node.value[-1] if node.value else None, node, flow(value))
    if not node.value:
        raise InvalidError("there is no place in an empty list")
    newline, column = _newline(text), node.start_mark.column
    lines = newline.join(item(value, column))
    if index < len(node.value):
        at = _dash(text, node.value[index])
        return Splice(at, at, lines.lstrip(" ") + newline + " " * column)
    at = _line_end(text, _end(text, node.value[-1]))
    return Splice(at, at, newline + lines)


def without_item(text: str, node: yaml.SequenceNode, index: int) -> Splice:
    """An item taken out of a list that has others; with its own lines, and no others, in block style."""
    text = text.removeprefix("\ufeff")
    here = node.value[index]
    if node.flow_style:
        if index + 1 < len(node.value):
            return Splice(here.start_mark.index, node.value[index + 1].start_mark.index, "")
        return Splice(_end(text, node.value[index - 1]) if index else here.start_mark.index, _end(text, here), "")
    start, end = _line(text, _dash(text, here)), _line_end(text, _end(text, here))
    if end < len(text):
        return Splice(start, text.index("\n", end) + 1, "")
    return Splice(_line_end(text, max(start - 2, 0)), end, "")


def emptied(text: str, key: yaml.Node, node: yaml.SequenceNode) -> Splice:
    """A list without any item; `key` is the node that names it."""
    text = text.removeprefix("\ufeff")
    if node.flow_style:
        return Splice(node.start_mark.index, _end(text, node), "[]")
    return Splice(key.end_mark.index, _end(text, node), ": []")


def block(name: str, value: Any, column: int) -> list[str]:
    """A key with its value in block style, as lines."""
    pad = " " * column
    if isinstance(value, dict) and value:
        return [f"{pad}{name}:", *(line for key, inner in value.items() for line in block(key, inner, column + 2))]
    if isinstance(value, list) and value:
        return [f"{pad}{name}:", *(line for inner in value for line in item(inner, column + 2))]
    shown = value if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS else scalar(value)
    return [f"{pad}{name}: {shown}"]


def item(value: Any, column: int) -> list[str]:
    """An item of a list in block style, as lines."""
    if isinstance(value, dict) and value:
        lines = [line for key, inner in value.items() for line in block(key, inner, column + 2)]
        return [f"{' ' * column}- {lines[0].lstrip(' ')}", *lines[1:]]
    return [f"{' ' * column}- {flow(value)}"]


def _into_flow(text: str, last: yaml.Node | None, node: yaml.CollectionNode, new: str) -> Splice:
    """Behind the last one of a flow collection; in the manner of its lines, where it has one for each."""
    if last is None:
        return Splice(node.start_mark.index + 1, node.start_mark.index + 1, new)
    first = node.value[0][0] if isinstance(node, yaml.MappingNode) else node.value[0]
    lead = text[_line(text, first.start_mark.index) : first.start_mark.index]
    own_line = first.start_mark.line > node.start_mark.line and not lead.strip()
    joint = f",{_newline(text)}{lead}" if own_line else ", "
    at = _end(text, last)
    return Splice(at, at, joint + new)


def _end(text: str, node: yaml.Node) -> int:
    """Where the node's own text ends: the mark of a block stands at the next token, far behind it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = int(node.end_mark.index)
    while end > node.start_mark.index and text[end - 1] in "\r\n":
        end -= 1
    return end


def _dash(text: str, node: yaml.Node) -> int:
    """Where the `-` of an item stands."""
    return text.rindex("-", 0, node.start_mark.index)


def _line(text: str, at: int) -> int:
    """Where the line of a place begins."""
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Where the line of a place ends, before its line end."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if end > at and text[end - 1] == "\r" else end


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
