"""Rules for what still has to run where the flag decides: `check(n) && flag` with the flag off still calls `check(n)`."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.text.lines import indentation, newline
from sluice.flags.syntax.text.tree import Edit, Tree, named, operator, same, span

JOINING = ("&&", "||")
COMPARING = ("==", "!=", "===", "!==", "<", ">", "<=", ">=")
VALUED = ("return_statement", "short_var_declaration")
DECLARED = ("lexical_declaration", "local_variable_declaration", "variable_declaration")


def run_before(tree: Tree, whole: SgNode, other: SgNode) -> Edit | None:
    """The edit that runs an expression in a statement of its own, where it is the first thing that its statement does."""
    statement = first_of(tree, whole)
    if statement is None or (above := statement.parent()) is None or above.kind() not in tree.facts.lists:
        return None
    start = span(statement)[0]
    if tree.text[tree.text.rfind("\n", 0, start) + 1 : start].strip():
        return None
    written = _written(tree, other)
    if written is None:
        return None
    return Edit(start, start, f"{written}{newline(tree.text)}{indentation(tree.text, start)}")


def first_of(tree: Tree, node: SgNode) -> SgNode | None:
    """The statement in which an expression is evaluated before anything else, once, and always."""
    above = node.parent()
    if above is None:
        return None
    kind = above.kind()
    if kind in tree.facts.parens or (kind in tree.facts.unary and operator(above) == "!"):
        return first_of(tree, above)
    if kind in tree.facts.binary:
        first = operator(above) in JOINING and same(above.field("left"), node)
        return first_of(tree, above) if first else None
    if kind in tree.facts.ternaries:
        return first_of(tree, above) if same(above.field("condition"), node) else None
    if kind == "if_statement":
        return above if same(above.field("condition"), node) and above.field("initializer") is None else None
    if kind == "expression_list" and len(named(above)) == 1:
        return first_of(tree, above)
    if kind in VALUED:
        return above
    if kind == "variable_declarator" and (holder := above.parent()) is not None and holder.kind() in DECLARED:
        return holder if len([one for one in named(holder) if one.kind() == kind]) == 1 else None
    return None


def _written(tree: Tree, other: SgNode) -> str | None:
    """An expression as a statement: in Go anything may be given to `_`, elsewhere it has to be a call."""
    text = other.text()
    if "\n" in text:
        return None
    if "nil" in tree.facts.literals:
        return f"_ = {_bare(tree, other).text()}"
    call = _call(tree, other)
    if call is None or call.text().startswith(("(", "[", "`")):
        return None
    return call.text() + (";" if ";" in tree.text else "")


def _bare(tree: Tree, node: SgNode) -> SgNode:
    if node.kind() in tree.facts.parens or (node.kind() in tree.facts.unary and operator(node) == "!"):
        return _bare(tree, named(node)[-1])
    return node


def _call(tree: Tree, node: SgNode) -> SgNode | None:
    """The one call of an expression that does nothing else: through `!`, `await` and a comparison with a plain value."""
    bare = _bare(tree, node)
    if bare.kind() in tree.facts.calls:
        return bare
    if bare.kind() in tree.facts.awaits:
        return bare if named(bare)[-1].kind() in tree.facts.calls else None
    if bare.kind() in tree.facts.binary and operator(bare) in COMPARING:
        sides = [side for side in (bare.field("left"), bare.field("right")) if side is not None]
        calls = [side for side in sides if tree.find(tree.facts.effects, within=side)]
        return _call(tree, calls[0]) if len(calls) == 1 else None
    return None
