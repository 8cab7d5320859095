"""Rules for promises of the flag that nobody awaits where it is asked."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.marks import PROMISE, TRUE, VARIANT, Mark, Read
from sluice.flags.syntax.rules.variables import dropped, lasting, replaced
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, named, same, span

FOLLOWED = ("then", "catch", "finally")
FUNCTIONS = ("arrow_function", "function_expression")
DECLARATOR = "variable_declarator"


def rewrite(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """One step from a promise: what is done with its answer is known, and an async function makes one of any value."""
    if mark.letter != PROMISE or read.call.result:
        return None
    if (function := _follower(node)) is not None and (edits := _given(tree, function, mark, read)) is not None:
        return edits
    if (edits := _gathered(tree, node, mark, read)) is not None:
        return edits
    if _returned(tree, node):
        return (Edit(*span(node), str(Mark(read.final, mark.number))),)
    return None


def followed(node: SgNode) -> bool:
    """Whether a promise has `then`, `catch` or `finally` called on it."""
    above = node.parent()
    name = above.field("property") if above is not None and above.kind() == "member_expression" else None
    outer = above.parent() if above is not None else None
    called = outer is not None and same(outer.field("function"), above)
    return name is not None and called and name.text() in FOLLOWED


def _follower(node: SgNode) -> SgNode | None:
    """The function that is handed to `then`."""
    above = node.parent()
    if not followed(node) or above is None or (call := above.parent()) is None:
        return None
    name, arguments = above.field("property"), call.field("arguments")
    given = named(arguments) if arguments is not None else []
    right = name is not None and name.text() == "then" and bool(given) and given[0].kind() in FUNCTIONS
    return given[0] if right else None


def _given(tree: Tree, function: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """The edits where the function's only parameter is the answer and keeps it."""
    plain, several = function.field("parameter"), function.field("parameters")
    rows = [plain] if plain is not None else named(several) if several is not None else []
    if len(rows) != 1 or rows[0].field("value") is not None:
        return None
    name = rows[0] if rows[0].is_leaf() else rows[0].field("pattern")
    binding = Scopes(tree).meant(name) if name is not None and name.is_leaf() else None
    holder = plain or several
    if binding is None or holder is None or not lasting(tree, function, binding):
        return None
    if any(one.text() == "arguments" for one in tree.named("arguments")):
        return None
    return (*replaced(tree, binding, Mark(read.final, mark.number)), Edit(*span(holder), "()"))


def _gathered(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """`const [on, user] = await Promise.all([…, …])`: the answer's name and its promise go from both rows."""
    array = node.parent()
    above = [one for one in ancestors(node) if one.kind() not in tree.facts.parens][:5]
    if [one.kind() for one in above] != ["array", "arguments", "call_expression", "await_expression", DECLARATOR]:
        return None
    called, names = above[2].field("function"), above[4].field("name")
    if array is None or called is None or called.text() != "Promise.all" or names is None:
        return None
    values, row = named(array), named(names)
    if names.kind() != "array_pattern" or len(row) != len(values) or len(row) < 2:
        return None
    if any(one.kind() == "spread_element" for one in values) or not all(one.kind() == "identifier" for one in row):
        return None
    place = next(n for n, one in enumerate(values) if same(one, node))
    binding = Scopes(tree).meant(row[place])
    if binding is None or not lasting(tree, above[4], binding):
        return None
    uses = replaced(tree, binding, Mark(read.final, mark.number))
    return (*uses, dropped(row, place), dropped(values, place))


def _returned(tree: Tree, node: SgNode) -> bool:
    """Whether an async function gives it back, which makes a promise of any value."""
    above = node.parent()
    if above is None:
        return False
    function = next((one for one in ancestors(node) if one.kind() in tree.facts.functions), None)
    gives = above.kind() == "return_statement" or (function is not None and same(function.field("body"), node))
    return gives and function is not None and function.text().startswith("async ")


def written(node: SgNode, read: Read, facts: Facts) -> str | None:
    """The promise of a known value, where something is chained to it."""
    if read.call.result or not followed(node):
        return None
    variant = f"{facts.quote}{read.value}{facts.quote}"
    value = {VARIANT: variant, TRUE: facts.literals["true"]}.get(read.final, facts.literals["false"])
    return f"Promise.resolve({value})"
