"""Rules for loops: one that never begins goes, one that the flag keeps going on has no condition any more."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import Mark, Read, UnsafeError
from sluice.flags.syntax.rules.branches import hoisted, unreached
from sluice.flags.syntax.text.lines import deletion
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, named, same, span

BREAK = "break_statement"
DO = "do_statement"


def rewrite(tree: Tree, node: SgNode, mark: Mark, _read: Read) -> tuple[Edit, ...] | None:
    """One step from a mark that is the whole condition of a loop."""
    head = node
    while (above := head.parent()) is not None and above.kind() in tree.facts.parens:
        head = above
    if above is None or (above.kind() not in tree.facts.loops and above.kind() != "for_clause"):
        return None
    direct = same(above.field("condition"), head) or (
        above.kind() == "for_statement" and same(above.parent(), head.parent())
    )
    if not (direct or same(head.parent(), above)):
        return None
    simple = above.kind() in tree.facts.loops and above.kind() != DO and above.field("initializer") is None
    holder = above.parent()
    if simple and mark.truth is not None and holder is not None and holder.kind() in tree.facts.lists:
        return _for_good(tree, above, head, mark) if mark.truth else _never(tree, above, mark)
    raise UnsafeError(mark.number, "a loop goes on for as long as the flag is so")


def _never(tree: Tree, loop: SgNode, mark: Mark) -> tuple[Edit, ...]:
    hoisted(tree, loop, mark)
    return (deletion(tree, loop),)


def _for_good(tree: Tree, loop: SgNode, head: SgNode, mark: Mark) -> tuple[Edit, ...]:
    """`for {` in Go, `while (true) {` elsewhere; what follows is only reached where something breaks out."""
    if loop.kind() == "for_statement" and tree.facts.name != "go":
        raise UnsafeError(mark.number, "a loop goes on for as long as the flag is so")
    body = loop.field("body") or named(loop)[-1]
    start, end = span(head)
    if tree.facts.name == "go":
        edit = Edit(start, span(body)[0], "")
    else:
        edit = Edit(start, end, f"({tree.facts.literals['true']})")
    return (edit, *(() if _broken_out_of(tree, loop) else unreached(tree, loop, mark)))


def _broken_out_of(tree: Tree, loop: SgNode) -> bool:
    """Whether a `break` may end a loop: its own, or one with a label, which is taken to."""
    targets = {*tree.facts.loops, *tree.facts.switches, "select_statement", "type_switch_statement"}
    targets |= {"for_in_statement", "enhanced_for_statement", DO}
    for one in tree.find({BREAK, "goto_statement"}, within=loop):
        if named(one) or one.kind() != BREAK:
            return True
        if same(next((above for above in ancestors(one) if above.kind() in targets), None), loop):
            return True
    return False
