"""Rules for markup (JSX): what is shown under a condition is shown always, or never."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import Mark, Read
from sluice.flags.syntax.rules.expressions import settled
from sluice.flags.syntax.text.lines import line_end, line_start
from sluice.flags.syntax.text.tree import Edit, Tree, named, same, span

CONTAINER = "jsx_expression"
ELEMENTS = frozenset({"jsx_element", "jsx_self_closing_element", "jsx_fragment"})
NOTHING = frozenset({"null", "undefined", "false"})


def rewrite(tree: Tree, node: SgNode, mark: Mark, _read: Read) -> tuple[Edit, ...] | None:
    """`{mark}` among the children of an element, where the mark is false: nothing is shown."""
    above = node.parent()
    if mark.truth is not False or above is None or above.kind() != CONTAINER or not same(named(above)[0], node):
        return None
    return vanished(tree, above)


def vanished(tree: Tree, container: SgNode) -> tuple[Edit, ...] | None:
    """The edit that takes `{…}` away, where the white space around it then means what it meant."""
    owner = container.parent()
    if owner is None or owner.kind() not in ELEMENTS:
        return None
    start, end = span(container)
    first, last = line_start(tree.text, start), line_end(tree.text, end)
    alone = not tree.text[first:start].strip() and not tree.text[end:last].strip()
    around = [one for one in (container.prev(), container.next()) if one is not None and one.kind() == "jsx_text"]
    if not alone or any(one.text().strip() for one in around):
        return None
    return (Edit(first, last, ""),)


def tidied(tree: Tree, start: int) -> tuple[Edit, ...] | None:
    """`{<A />}` → `<A />`, and `{null}` → nothing, where a rule has just put these."""
    for container in tree.find({CONTAINER}):
        first, last = span(container)
        inner = named(container)
        if not first <= start <= last or len(inner) != 1:
            continue
        value = inner[0]
        while value.kind() in tree.facts.parens:
            value = named(value)[0]
        owner = container.parent()
        if owner is None or owner.kind() not in ELEMENTS:
            continue
        if value.kind() in ELEMENTS:
            return settled(tree, container, value)
        if value.kind() in NOTHING:
            return vanished(tree, container)
    return None
