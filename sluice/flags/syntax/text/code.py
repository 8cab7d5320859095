"""All texts of a repository while they are cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall
from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.rules.variables import removal_of
from sluice.flags.syntax.text.lines import deletion, line_end, line_start, with_comments
from sluice.flags.syntax.text.tree import Edit, Tree, Trees, span


@dataclass
class Code:
    """All texts, before and now, with the flag's key."""

    before: Mapping[str, str]
    texts: dict[str, str]
    facts: Facts
    key: str
    calls: tuple[FlagCall, ...] = ()

    def __post_init__(self) -> None:
        self.then, self.now = Trees(self.before, self.facts), Trees(self.texts, self.facts)
        self.with_key = tuple(path for path, text in self.texts.items() if self.key in text)
        """The files that name it: cleaning adds none."""

    def all_flags(self, tree: Tree, value: SgNode | None) -> bool:
        """Whether a value is that of a call which gives all flags: to ask for them does nothing else."""
        if value is None or value.kind() not in self.facts.calls or tree.arguments(value):
            return False
        return any(call.members and call.named(tree.callee(value)) for call in self.calls)


def row_removed(tree: Tree, row: SgNode) -> tuple[Edit, ...]:
    """The edit that takes one row of a list (constants, members, properties) away, with its comma."""
    if row.kind() in tree.facts.declarators:
        return removal_of(tree, row)
    if row.kind() not in {"pair", "enum_assignment", "enum_constant"}:
        return (deletion(tree, row),)
    after, before = row.next(), row.prev()
    if after is not None and after.kind() == ",":
        text = tree.text
        start, end = span(row)[0], span(after)[1]
        alone = not text[line_start(text, start) : start].strip()
        if alone and not re.sub(r"//[^\n]*", "", text[end : line_end(text, end)]).strip():
            return (Edit(with_comments(tree, row), line_end(text, end), ""),)
        return (Edit(start, end + len(text[end:]) - len(text[end:].lstrip(" ")), ""),)
    if before is not None and before.kind() == ",":
        return (Edit(span(before)[0], span(row)[1], ""),)
    return (Edit(*span(row), ""),)
