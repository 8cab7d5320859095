"""Calls that give all flags as one object, and where one flag is taken from it: `const { newPay } = useFlags()`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ast_grep_py import SgNode

from sluice.flags.spelling import camel
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.tree import Edit, Tree, named, same, span

DEPTH = 3
"""Variables that are given other variables are followed so far."""
MEMBER, HANDED_ON = "member", "all flags are handed on from here"
COMPOSED = "the key is put together at run time"
ROWS = ("shorthand_property_identifier_pattern", "pair_pattern", "object_assignment_pattern")


@dataclass(frozen=True)
class Member:
    """One flag of the object.

    Attributes:
        node: the expression that is its value, or its row in a pattern.
        key: as the code writes it; None where that is not known.
        local: the variable that a pattern's row declares.
    """

    node: SgNode
    key: str | None
    why: str
    local: SgNode | None = None


def taken(tree: Tree, call: SgNode) -> Iterator[Member]:
    """Each flag that is taken from what a call gives. With arguments it is another library's of that name."""
    if not tree.arguments(call):
        yield from _from(tree, call, call, 0)


def _from(tree: Tree, value: SgNode, call: SgNode, depth: int) -> Iterator[Member]:
    above = value.parent()
    while above is not None and above.kind() in tree.facts.parens | tree.facts.transparent:
        value, above = above, above.parent()
    if above is None or above.kind() in tree.facts.statements:
        return
    if above.kind() == "member_expression" and same(above.field("object"), value):
        name = above.field("property")
        yield Member(above, name.text() if name is not None else None, MEMBER)
    elif above.kind() == "subscript_expression" and same(above.field("object"), value):
        index = above.field("index")
        key = tree.string(index) if index is not None else None
        yield Member(above, key, MEMBER if key is not None else COMPOSED)
    elif above.kind() == "variable_declarator" and same(above.field("value"), value) and depth < DEPTH:
        yield from _declared(tree, above, call, depth)
    else:
        yield Member(call, None, HANDED_ON)


def _declared(tree: Tree, declarator: SgNode, call: SgNode, depth: int) -> Iterator[Member]:
    name = declarator.field("name")
    if name is not None and name.kind() == "object_pattern":
        for row in named(name):
            yield _row(tree, row) if row.kind() in ROWS else Member(call, None, HANDED_ON)
        return
    scopes = Scopes(tree)
    binding = scopes.meant(name) if name is not None and name.is_leaf() else None
    uses = scopes.uses(binding) if binding is not None else []
    written = any(scopes.is_written(use) for use in uses)
    if binding is None or scopes.again(binding) or written or tree.facts.exported(declarator):
        yield Member(call, None, HANDED_ON)
        return
    for use in uses:
        yield from _from(tree, use, call, depth + 1)


def _row(tree: Tree, row: SgNode) -> Member:
    if row.kind() == "pair_pattern":
        key, local = row.field("key"), row.field("value")
    else:
        key = local = row if row.is_leaf() else row.field("left")
    if local is not None and local.kind().endswith("assignment_pattern"):
        local = local.field("left")
    if key is None or key.kind() == "computed_property_name":
        return Member(row, None, COMPOSED)
    written = tree.string(key)
    return Member(row, key.text() if written is None else written, MEMBER, local if local and local.is_leaf() else None)


def hindrance(tree: Tree, node: SgNode) -> str:
    """Why a flag has to stay where it is taken; empty where it may go."""
    above = node.parent()
    if above is None:
        return ""
    if node.kind() in ROWS:
        own = _row(tree, node)
        if own.local is None:
            return "more of its answer is taken than its value"
        if "..." in above.text():
            return "the rest of the flags is taken with it"
        keys = [camel(_row(tree, one).key or "") for one in named(above) if one.kind() in ROWS]
        return "it is taken twice at once" if keys.count(camel(own.key or "")) > 1 else ""
    written = above.kind() in tree.facts.writes and not same(above.field("right"), node)
    return "it is assigned" if written or above.text().startswith("delete ") else ""


def taken_out(tree: Tree, row: SgNode, local: SgNode, mark: str) -> tuple[Edit, ...]:
    """The edits that declare a pattern's variable next to it: `const { a, b } = f()` → `const a = …, { b } = f()`."""
    pattern = row.parent()
    declarator = pattern.parent() if pattern is not None else None
    assert pattern is not None and declarator is not None  # noqa: S101, PT018  # a row has both
    start, end = span(declarator)
    rows = named(pattern)
    if len(rows) == 1:
        return (Edit(start, end, f"{local.text()} = {mark}"),)
    place = next(n for n, one in enumerate(rows) if same(one, row))
    first = place + 1 < len(rows)
    gone = (span(row)[0], span(rows[place + 1])[0]) if first else (span(rows[place - 1])[1], span(row)[1])
    return (Edit(start, start, f"{local.text()} = {mark}, "), Edit(*gone, ""))
