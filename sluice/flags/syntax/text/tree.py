"""Syntax trees of one text, and edits of its characters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ast_grep_py import Rule, SgNode, SgRoot

from sluice.flags.syntax.facts import Edit, Facts

Span = tuple[int, int]
COMMENTS = frozenset({"comment", "line_comment", "block_comment", "html_comment"})
__all__ = [
    "COMMENTS",
    "Edit",
    "Facts",
    "Span",
    "Tree",
    "Trees",
    "ancestors",
    "apply",
    "inside",
    "named",
    "operator",
    "same",
    "span",
]
ERROR = "ERROR"
MOST_CHARACTERS = 4_000_000
WORD = re.compile(r"[A-Za-z_$][\w$]*")
CALLEE = re.compile(r"[\w$]+(?:\s*(?:\?\.|!\.|\.)\s*[\w$]+)*\s*\Z")


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after these edits, which do not overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def span(node: SgNode) -> Span:
    """Where a node begins and ends, in characters."""
    found = node.range()
    return found.start.index, found.end.index


def inside(inner: SgNode | Span, outer: SgNode | Span) -> bool:
    """Whether one lies within the other (or is it)."""
    first = inner if isinstance(inner, tuple) else span(inner)
    second = outer if isinstance(outer, tuple) else span(outer)
    return second[0] <= first[0] and first[1] <= second[1]


def named(node: SgNode) -> list[SgNode]:
    """Its children without punctuation and comments."""
    return [child for child in node.children() if child.is_named() and child.kind() not in COMMENTS]


def ancestors(node: SgNode) -> Iterator[SgNode]:
    """From its parent outwards."""
    above = node.parent()
    while above is not None:
        yield above
        above = above.parent()


@lru_cache(maxsize=1024)
def _known(grammar: str, kind: str) -> bool:
    """Whether a grammar has such nodes: it refuses to be asked for others."""
    try:
        SgRoot("", grammar).root().find(kind=kind)
    except RuntimeError:
        return False
    return True


def operator(node: SgNode) -> str:
    """The sign of a unary or binary expression."""
    sign = node.field("operator")
    return sign.text() if sign is not None else ""


def same(one: SgNode | None, other: SgNode | None) -> bool:
    """Whether both are one node of one tree."""
    return one is not None and other is not None and span(one) == span(other) and one.kind() == other.kind()


def _has_error(node: SgNode) -> bool:
    return node.kind() == ERROR or node.has(kind=ERROR)


@dataclass(frozen=True)
class Tree:
    """One text as a tree, with the facts of its language."""

    path: str
    text: str
    facts: Facts

    @cached_property
    def root(self) -> SgNode:
        """The whole text."""
        return SgRoot(self.text, self.facts.grammar(self.path)).root()

    @cached_property
    def broken(self) -> bool:
        """Whether a part of it could not be read."""
        return _has_error(self.root)

    def broken_at(self, node: SgNode) -> bool:
        """Whether no function around a node could be read as a whole; newer syntax elsewhere does not matter to it."""
        if not self.broken:
            return False
        above = [node, *ancestors(node)]
        whole = any(one.kind() in self.facts.functions and not _has_error(one) for one in above)
        return not whole or any(one.kind() == ERROR for one in above)

    @cached_property
    def unread(self) -> frozenset[str]:
        """The words of what could not be read: names that may be used there."""
        if not self.broken:
            return frozenset()
        rows = [self.root] if self.root.kind() == ERROR else [one for one in self.root.children() if _has_error(one)]
        return frozenset(word for one in rows for word in WORD.findall(one.text()))

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What was found out about it, by name: so that it is found out once."""
        return {}

    def find(self, kinds: Iterable[str], within: SgNode | None = None) -> list[SgNode]:
        """All nodes of these kinds in a part of it (itself included), in the order of the text."""
        grammar = self.facts.grammar(self.path)
        asked: list[Rule] = [{"kind": kind} for kind in sorted(kinds) if _known(grammar, kind)]
        place = self.root if within is None else within
        return list(place.find_all(any=asked)) if asked else []

    def named(self, name: str) -> list[SgNode]:
        """Each leaf that is this name, whatever it names."""
        pattern = f"^{re.escape(name)}$"
        return [
            leaf for leaf in self.root.find_all(regex=pattern) if leaf.is_leaf() and leaf.kind() in self.facts.names
        ]

    def string(self, node: SgNode) -> str | None:
        """The value of a string literal; None where it is none, or one with escapes or parts that are put in."""
        if node.kind() not in self.facts.strings:
            return None
        inner = node.text()[1:-1]
        return None if re.search(r"\\|\$\{|\n", inner) or inner[:1] in {'"', "`"} else inner

    def callee(self, call: SgNode) -> tuple[str, ...]:
        """The last parts of what is called: `this.flags.isOn(...)` → ("this", "flags", "isOn")."""
        arguments = call.field("arguments")
        if arguments is None:
            return ()
        before = self.text[span(call)[0] : span(arguments)[0]]
        found = CALLEE.search(re.sub(r"<[^<>()]*>\s*\Z", "", before))
        return tuple(re.split(r"\W*[.]\s*|!", found[0].strip())) if found else ()

    def arguments(self, call: SgNode) -> list[SgNode]:
        """What is handed over."""
        arguments = call.field("arguments")
        return named(arguments) if arguments is not None else []


class Trees:
    """The trees of texts that change one by one: each is read again only where its text is another one."""

    def __init__(self, texts: Mapping[str, str], facts: Facts) -> None:
        self.texts = texts
        self.facts = facts
        self._trees: dict[str, Tree] = {}
        self._characters = 0

    def of(self, path: str) -> Tree:
        """The tree of a text as it is now."""
        text, tree = self.texts[path], self._trees.get(path)
        if tree is None or tree.text is not text:
            if self._characters > MOST_CHARACTERS:  # a tree takes many times what its text does
                self._trees.clear()
                self._characters = 0
            self._characters += len(text)
            tree = self._trees[path] = Tree(path, text, self.facts)
        return tree
