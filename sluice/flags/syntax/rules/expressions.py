"""Rules for expressions: a mark among operators, members, awaits and ternaries becomes what the expression gives."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import ANSWER, PROMISE, VARIANT, Mark, Read, UnsafeError
from sluice.flags.syntax.rules.before import run_before
from sluice.flags.syntax.rules.texts import known_text
from sluice.flags.syntax.text.lines import indentation, moved
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, named, operator, same, span

EQUAL = {"==": True, "===": True, "!=": False, "!==": False}
TIGHT = ("identifier", "this", "true", "false", "call_expression", "method_invocation", "null", "nil", "string")
LOOSE = ("parenthesized_expression", "if_statement", "return_statement", "variable_declarator", "expression_list")
LOOSE_TOO = ("arguments", "argument_list", "expression_statement", "arrow_function", "pair", "assignment_expression")


def pure(tree: Tree, node: SgNode) -> bool:
    """Whether an expression does nothing but give a value."""
    effects = tree.find(tree.facts.effects, within=node)
    return all(one.kind() == "unary_expression" and operator(one) not in {"<-", "delete"} for one in effects)


def settled(tree: Tree, whole: SgNode, part: SgNode) -> tuple[Edit, ...]:
    """The edit by which an expression gives way to a part of it, without parentheses that are no longer needed."""
    target, kept = whole, part
    above = target.parent()
    tight = part.kind().startswith(TIGHT)
    while above is not None and above.kind() in tree.facts.parens and not _is_head(tree, above):
        outer = above.parent()
        if not (tight or (outer is not None and outer.kind() in (*LOOSE, *LOOSE_TOO) and "\n" not in above.text())):
            break
        target, above = above, outer
    free = above is not None and (above.kind() in (*LOOSE, *LOOSE_TOO))
    if (
        kept.kind() in tree.facts.parens
        and "\n" not in kept.text()
        and (free or named(kept)[0].kind().startswith(TIGHT))
    ):
        kept = named(kept)[0]
    start, end = span(target)
    return (Edit(start, end, _moved_out(tree, target, kept)),)


def _moved_out(tree: Tree, target: SgNode, kept: SgNode) -> str:
    start, end = span(kept)
    return moved(tree, start, end, indentation(tree.text, span(target)[0])) if "\n" in kept.text() else kept.text()


def _is_head(tree: Tree, parens: SgNode) -> bool:
    """Whether parentheses belong to a statement (`if (…)`)."""
    above = parens.parent()
    if above is None or tree.facts.name == "go":
        return False
    return any(same(above.field(field), parens) for field in ("condition", "value", "body")) and (
        above.kind().endswith(("_statement", "switch_expression"))
    )


def becomes(node: SgNode, mark: Mark) -> tuple[Edit, ...]:
    """The edit by which an expression becomes a mark."""
    start, end = span(node)
    return (Edit(start, end, str(mark)),)


def rewrite(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """One step outwards from a mark; None where no rule for expressions applies."""
    above = node.parent()
    if above is None:
        return None
    facts = tree.facts
    if above.kind() in facts.parens and not _is_head(tree, above):
        return becomes(above, mark)
    if above.kind() in facts.awaits:
        return becomes(above, Mark(read.answer, mark.number) if mark.letter == PROMISE else mark)
    if above.kind() in facts.transparent and mark.truth is not None and same(named(above)[0], node):
        return becomes(above, mark)
    if mark.letter in {ANSWER, PROMISE}:
        return _member(tree, node, mark, read)
    if above.kind() in facts.unary and operator(above) == "!":
        truth = mark.truth if mark.letter != VARIANT or facts.booleans_only else True
        return becomes(above, mark.turned(not truth)) if truth is not None else None
    if above.kind() in facts.binary:
        return _operators(tree, node, above, mark, read)
    if above.kind() in facts.ternaries and same(above.field("condition"), _outermost(tree, node)):
        return _ternary(tree, above, mark, read)
    return _called(tree, node, mark, read)


def _outermost(tree: Tree, node: SgNode) -> SgNode:
    above = node.parent()
    return _outermost(tree, above) if above is not None and above.kind() in tree.facts.parens else node


def _member(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    above = node.parent()
    if mark.letter != ANSWER or above is None:
        return None
    wanted = read.call.result.replace("_", "").lower()
    for kind, (owner, name) in tree.facts.members.items():
        if above.kind() == kind and same(above.field(owner), node):
            member = above.field(name)
            asked = member.text().lower().replace("_", "") if member is not None else ""
            if asked.removeprefix("get").removeprefix("is") not in {wanted, wanted.removeprefix("is")}:
                raise UnsafeError(mark.number, f"{asked} of its answer is used, not only {read.call.result}")
            outer = above.parent()
            whole = outer if outer is not None and same(outer.field("function"), above) else above
            return becomes(whole, Mark(read.final, mark.number))
    return None


def _operators(tree: Tree, node: SgNode, above: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    left, right = above.field("left"), above.field("right")
    if left is None or right is None:
        return None
    other = right if same(left, node) else left
    sign = operator(above)
    if sign in EQUAL:
        alike = equals(tree, other, mark, read)
        return becomes(above, mark.turned(alike == EQUAL[sign])) if alike is not None else None
    truth = mark.truth
    if mark.letter == VARIANT and not tree.facts.booleans_only and same(left, node):
        truth = True
    if sign == "??" and same(left, node):
        return becomes(above, mark)
    if sign not in {"&&", "||"} or truth is None:
        return None
    decides = truth == (sign == "||")
    if same(left, node):
        return becomes(above, mark) if decides else settled(tree, above, right)
    if not (tree.facts.booleans_only or is_condition(tree, above) or _is_boolean(tree, other)):
        return None
    if not decides:
        return settled(tree, above, other)
    if pure(tree, other):
        return becomes(above, mark)
    if (first := run_before(tree, above, other)) is not None:
        return (first, *becomes(above, mark))
    raise UnsafeError(mark.number, f"`{_short(other)}` runs before it and may do more than give a value")


def equals(tree: Tree, other: SgNode, mark: Mark, read: Read) -> bool | None:
    """Whether what is compared with a mark is equal to it; None where that is not known."""
    text = other.text().strip("()")
    if mark.truth is not None:
        return {"true": mark.truth, "false": not mark.truth}.get(text)
    value = tree.string(other)
    return None if value is None else value == read.value


def is_condition(tree: Tree, node: SgNode) -> bool:
    """Whether only the truth of an expression counts where it stands."""
    above = node.parent()
    if above is None:
        return False
    if _is_head(tree, above) if above.kind() in tree.facts.parens else False:
        return True
    if above.kind() in tree.facts.parens:
        return is_condition(tree, above)
    if above.kind() in tree.facts.ternaries or above.kind() in tree.facts.loops:
        return same(above.field("condition"), node) or is_condition(tree, above)
    if above.kind() in tree.facts.unary:
        return operator(above) == "!"
    if above.kind() in tree.facts.binary and operator(above) in {"&&", "||"}:
        return is_condition(tree, above)
    return False


def standard_of(node: SgNode) -> SgNode | None:
    """What is taken where an expression gives nothing: `node ?? standard`."""
    above = node.parent()
    asked = above is not None and operator(above) == "??" and same(above.field("left"), node)
    return above.field("right") if above is not None and asked else None


def uses_at_once(tree: Tree, call: SgNode) -> bool:
    """Whether a call's answer is a condition or has a member taken where it is asked: it is no promise."""
    above = call.parent()
    if above is None or above.kind() in tree.facts.awaits:
        return False
    if above.kind() in tree.facts.members:
        member = above.field(tree.facts.members[above.kind()][1])
        return member is None or member.text() not in {"then", "catch", "finally"}
    return is_condition(tree, call) or above.kind() in tree.facts.ternaries or above.kind() == "jsx_expression"


def _is_boolean(tree: Tree, node: SgNode) -> bool:
    """Whether an expression can only be true or false."""
    if node.kind() in tree.facts.parens:
        return _is_boolean(tree, named(node)[0])
    if node.kind() in tree.facts.unary:
        return operator(node) == "!"
    if node.kind() in tree.facts.binary:
        sign = operator(node)
        parts = [part for part in (node.field("left"), node.field("right")) if part is not None]
        return sign in {*EQUAL, "<", ">", "<=", ">=", "in", "instanceof"} or (
            sign in {"&&", "||"} and all(_is_boolean(tree, part) for part in parts)
        )
    return node.kind() in {"true", "false"}


def _ternary(tree: Tree, above: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    truth = mark.truth if mark.letter != VARIANT or tree.facts.booleans_only else True
    if truth is None:
        return None
    kept = above.field("consequence" if truth else "alternative")
    gone = above.field("alternative" if truth else "consequence")
    if kept is None or gone is None:
        return None
    if (reason := tree.facts.retyped(tree.text, above, kept, gone)) and not any(
        one.kind() in tree.facts.ternaries and not same(one, above) for one in ancestors(above)
    ):
        if (edits := known_text(tree, above, kept, gone, read)) is None:
            raise UnsafeError(mark.number, reason)
        return edits
    return settled(tree, above, kept)


def _called(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """`V.equals("x")`, `"x".equals(V)`, `Objects.equals(V, "x")`, `Boolean.TRUE.equals(T)`, `Boolean(T)`."""
    for call in ancestors(node):
        if call.kind() in tree.facts.calls:
            break
    else:
        return None
    arguments = tree.arguments(call)
    callee = tree.callee(call)
    owner = call.field("object")
    if callee == ("Boolean",) and len(arguments) == 1 and same(arguments[0], node) and mark.truth is not None:
        return becomes(call, mark)
    if callee[-1:] != ("equals",) or owner is None:
        return None
    if callee == ("Objects", "equals") and len(arguments) == 2:
        sides = arguments
    elif len(arguments) == 1:
        sides = [owner, arguments[0]]
    else:
        return None
    if not any(same(side, node) for side in sides):
        return None
    other = next(side for side in sides if not same(side, node))
    if mark.truth is not None and other.text() in {"Boolean.TRUE", "Boolean.FALSE"}:
        return becomes(call, mark.turned((other.text() == "Boolean.TRUE") == mark.truth))
    alike = equals(tree, other, mark, read)
    return becomes(call, mark.turned(alike)) if alike is not None else None


def _short(node: SgNode) -> str:
    text = " ".join(node.text().split())
    return text if len(text) <= 60 else text[:57] + "..."
