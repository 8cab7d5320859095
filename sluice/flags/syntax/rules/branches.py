"""Rules for statements: an `if` gives way to the branch that is taken, and what can no longer be reached goes."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import VARIANT, Mark, Read, UnsafeError
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.lines import (
    blank_lines,
    body,
    deletion,
    indentation,
    line_end,
    line_start,
    moved,
    statements,
    with_comments,
)
from sluice.flags.syntax.text.tree import Edit, Span, Tree, ancestors, inside, named, same, span

IF = "if_statement"
MEMBER_NAMES = frozenset({"field_identifier", "property_identifier"})


def rewrite(tree: Tree, node: SgNode, mark: Mark, _read: Read) -> tuple[Edit, ...] | None:
    """One step from a mark that is a whole condition, a whole statement or a part of markup."""
    head = node
    while (above := head.parent()) is not None and above.kind() in tree.facts.parens:
        head = above
    if above is None:
        return None
    if above.kind() == IF and same(above.field("condition"), head):
        truth = mark.truth if mark.letter != VARIANT or tree.facts.booleans_only else True
        return _if(tree, above, mark, truth) if truth is not None else None
    if above.kind() in tree.facts.statements and same(named(above)[0], head):
        return (deletion(tree, above),)
    return None


def _if(tree: Tree, whole: SgNode, mark: Mark, truth: bool) -> tuple[Edit, ...]:
    consequence, otherwise = whole.field("consequence"), alternative(whole)
    taken, dead = (consequence, otherwise) if truth else (otherwise, consequence)
    if whole.field("initializer") is not None:
        raise UnsafeError(mark.number, "the statement before the condition has to run as well")
    hoisted(tree, dead, mark)
    outer = _chained(whole)
    after = dead_after(tree, whole, taken, mark)
    if outer is not None:
        return (_else_if(tree, whole, outer, taken), *after)
    above = whole.parent()
    if above is None or above.kind() not in tree.facts.lists:
        start, end = span(whole)
        return (Edit(start, end, "{}" if taken is None else taken.text()), *after)
    return (in_its_place(tree, whole, taken), *after)


def alternative(whole: SgNode) -> SgNode | None:
    """What runs where the condition is false."""
    otherwise = whole.field("alternative")
    return named(otherwise)[-1] if otherwise is not None and otherwise.kind() == "else_clause" else otherwise


def _chained(whole: SgNode) -> SgNode | None:
    """The `if` whose `else if` this is."""
    above = whole.parent()
    if above is not None and above.kind() == "else_clause":
        above = above.parent()
    return above if above is not None and above.kind() == IF and same(alternative(above), whole) else None


def _else_if(tree: Tree, whole: SgNode, outer: SgNode, taken: SgNode | None) -> Edit:
    start, end = span(whole)
    if taken is not None and not (
        taken.kind() in tree.facts.blocks and not statements(tree, taken) and "//" not in taken.text()
    ):
        return Edit(start, end, taken.text())
    before = outer.field("consequence")
    return Edit(span(before)[1] if before is not None else start, end, "")


def in_its_place(tree: Tree, whole: SgNode, taken: SgNode | None) -> Edit:
    """The edit that puts the statements of a branch where a whole statement of a list stood."""
    start, end = span(whole)
    if taken is None:
        return deletion(tree, whole)
    indent = indentation(tree.text, start)
    if taken.kind() not in tree.facts.blocks:
        return Edit(start, end, _single(tree, taken, indent))
    text = body(tree, taken, indent)
    if not text:
        return deletion(tree, whole)
    return Edit(start, end, taken.text() if clashes(tree, whole, taken) else text)


def _single(tree: Tree, taken: SgNode, indent: str) -> str:
    start, end = span(taken)
    return moved(tree, start, end, indent)


def clashes(tree: Tree, whole: SgNode, block: SgNode) -> bool:
    """Whether what a block declares would meet a name of its surroundings if its braces went."""
    scopes = Scopes(tree)
    declared = [
        one for one in scopes.all if inside(one.at, block) and inside(block, one.scope) and inside(one.scope, whole)
    ]
    if any(one.kind() == "goto_statement" for one in tree.find({"goto_statement"})) and declared:
        return True
    if "using " in block.text() and tree.facts.braces_optional and not tree.facts.ordered:
        return True
    surroundings = _surroundings(tree, whole)
    return any(_meets(tree, scopes, one.name, whole, surroundings) for one in declared)


def _surroundings(tree: Tree, whole: SgNode) -> SgNode:
    """The block (or function, where it is its body: parameters count) in which a statement stands."""
    scope = next((above for above in ancestors(whole) if above.kind() in tree.facts.scopes), tree.root)
    above = scope.parent()
    heads = {*tree.facts.functions, "catch_clause", "lambda_expression", *tree.facts.loops}
    return above if above is not None and above.kind() in heads and scope.kind() in tree.facts.blocks else scope


def _meets(tree: Tree, scopes: Scopes, name: str, whole: SgNode, surroundings: SgNode) -> bool:
    for leaf in tree.named(name):
        if inside(leaf, whole) or not inside(leaf, surroundings) or leaf.kind() in MEMBER_NAMES:
            continue
        if not tree.facts.variable(leaf) and leaf.kind() in tree.facts.identifiers:
            continue
        meant = scopes.meant(leaf)
        apart = meant is not None and not inside(whole, meant.scope)
        if not apart or (not tree.facts.shadows and span(leaf)[0] > span(whole)[1]):
            return True
    return False


def hoisted(tree: Tree, dead: SgNode | None, mark: Mark) -> None:
    """Refuses where a branch that goes declares what is used outside of it."""
    if dead is not None:
        _escaping(tree, [dead], mark)


def _escaping(tree: Tree, gone: list[SgNode], mark: Mark) -> None:
    scopes = Scopes(tree)
    for one in scopes.all:
        holder = next((dead for dead in gone if inside(one.at, dead)), None)
        if holder is None or inside(one.scope, holder):
            continue
        if any(not any(inside(use, dead) for dead in gone) for use in scopes.uses(one)):
            raise UnsafeError(mark.number, f"`{one.name}` is declared in what goes and used outside of it")


def terminates(tree: Tree, node: SgNode | None, known: frozenset[Span] = frozenset()) -> bool:
    """Whether nothing after a statement is reached. `known` names statements that will be so."""
    if node is None:
        return False
    if span(node) in known or node.kind() in tree.facts.exits:
        return True
    if node.kind() in tree.facts.blocks:
        inner = statements(tree, node)
        return bool(inner) and terminates(tree, inner[-1], known)
    if node.kind() == IF:
        return all(terminates(tree, one, known) for one in (node.field("consequence"), alternative(node)))
    if node.kind() in {"try_statement", "try_with_resources_statement"}:
        clauses = named(node)
        last = clauses[-1]
        if last.kind() == "finally_clause" and terminates(tree, named(last)[-1], known):
            return True
        bodies = [named(one)[-1] if one.kind().endswith("clause") else one for one in clauses]
        bodies = [one for one, clause in zip(bodies, clauses, strict=True) if clause.kind() != "finally_clause"]
        return all(terminates(tree, one, known) for one in bodies if one.kind() in tree.facts.blocks)
    return False


def dead_after(tree: Tree, whole: SgNode, taken: SgNode | None, mark: Mark) -> tuple[Edit, ...]:
    """The edits that take away what is not reached once a statement gives way to a branch that ends its list."""
    return unreached(tree, whole, mark) if terminates(tree, taken) else ()


def unreached(tree: Tree, whole: SgNode, mark: Mark) -> tuple[Edit, ...]:
    """The edits that take away what is not reached once nothing gets past a statement."""
    edits: list[Edit] = []
    known = frozenset({span(whole)})
    statement = whole
    while True:
        outer = _chained(statement)
        above = statement.parent()
        if outer is not None:
            statement = outer
        elif above is not None and above.kind() in tree.facts.lists:
            edits += _following(tree, above, statement, mark)
            ends = named(above)[-1]
            if not same(ends, statement) and terminates(tree, ends):
                return tuple(edits)  # what follows its block was not reached before
            known |= {span(statement), *({span(above)} if above.kind() in tree.facts.blocks else ())}
            holder = above.parent() if above.kind() == "statement_list" else above
            known |= {span(holder)} if holder is not None and holder.kind() in tree.facts.blocks else frozenset()
            up = holder.parent() if holder is not None else None
            if up is None or up.kind() in tree.facts.functions:
                return tuple(edits)
            statement = up if up.kind() != "else_clause" else (up.parent() or up)
        else:
            return tuple(edits)
        if not terminates(tree, statement, known):
            return tuple(edits)


def _following(tree: Tree, above: SgNode, statement: SgNode, mark: Mark) -> list[Edit]:
    after = [one for one in named(above) if span(one)[0] >= span(statement)[1]]
    after = [one for one in after if one.kind() not in tree.facts.cases]
    if not after:
        return []
    kept = [one for one in after if one.kind() in {"function_declaration", "generator_function_declaration"}]
    gone = [one for one in after if not any(same(one, other) for other in kept)]
    if any(one.kind() == "labeled_statement" for one in after):
        raise UnsafeError(mark.number, "a label stands in what would no longer be reached")
    _escaping(tree, gone, mark)
    if kept:
        return [deletion(tree, one) for one in gone]
    return [_run(tree, gone)]


def _run(tree: Tree, gone: list[SgNode]) -> Edit:
    """The edit that takes statements which follow each other."""
    text = tree.text
    first, last = span(gone[0])[0], span(gone[-1])[1]
    start, end = line_start(text, first), line_end(text, last)
    if text[start:first].strip() or text[last:end].strip(" \t\r\n;"):
        return Edit(first, last, "")
    return blank_lines(text, with_comments(tree, gone[0]), end)
