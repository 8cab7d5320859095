"""Rules for variables: one that has a known value for good gives way to it, and its declaration goes."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import ANSWER, PROMISE, Mark, Read, UnsafeError
from sluice.flags.syntax.scopes import Binding, Scopes
from sluice.flags.syntax.text.lines import deletion
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, inside, named, same, span

SHORT = ("short_var_declaration", "var_spec", "const_spec")
SHORTHAND = "shorthand_property_identifier"
GLOBAL = ("source_file", "program", "class_body", "enum_body_declarations")


def rewrite(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """One step from a mark that is what a variable is declared with."""
    declarator = next(
        (one for one in ancestors(node) if one.kind() not in (*tree.facts.parens, "expression_list")), None
    )
    if declarator is None or declarator.kind() not in tree.facts.declarators:
        return None
    if declarator.kind() in SHORT:
        return _several(tree, declarator, node, mark, read)
    if not same(declarator.field("value"), node):
        return None
    name = declarator.field("name")
    if name is None or not name.is_leaf():
        return _taken_apart(tree, declarator, name, mark, read)
    binding = Scopes(tree).meant(name)
    if binding is None or not lasting(tree, declarator, binding):
        return None
    return (*replaced(tree, binding, mark), *_gone(tree, declarator))


def lasting(tree: Tree, declarator: SgNode, binding: Binding) -> bool:
    """Whether a variable has for good what it is declared with, and every use of it is known."""
    scopes = Scopes(tree)
    if scopes.again(binding):
        return False
    if binding.scope.kind() in GLOBAL and (binding.name in tree.unread or not tree.facts.constant(declarator)):
        return False
    uses = scopes.uses(binding)
    if any(scopes.is_written(use) or _is_handed_on(use) for use in uses):
        return False
    if binding.scope.kind() not in ("class_body", "enum_body_declarations"):
        return True
    return all(
        tree.facts.variable(leaf) or _of_this(leaf) for leaf in tree.named(binding.name) if span(leaf) != binding.at
    )


def _is_handed_on(use: SgNode) -> bool:
    above = use.parent()
    return above is not None and above.kind() in {"export_specifier", "type_query", "export_statement"}


def _of_this(leaf: SgNode) -> bool:
    above = leaf.parent()
    owner = above.field("object") if above is not None else None
    return owner is not None and owner.kind() == "this"


def replaced(tree: Tree, binding: Binding, mark: Mark) -> tuple[Edit, ...]:
    """The edits that put a mark where a variable is used."""
    edits = []
    leaves = Scopes(tree).uses(binding)
    if binding.scope.kind() == "class_body":
        leaves += [leaf for leaf in tree.named(binding.name) if not tree.facts.variable(leaf) and _of_this(leaf)]
    for leaf in leaves:
        whole = leaf.parent() if _of_this(leaf) else leaf
        assert whole is not None  # noqa: S101  # a member has an owner
        start, end = span(whole)
        edits.append(Edit(start, end, f"{leaf.text()}: {mark}" if leaf.kind() == SHORTHAND else str(mark)))
    return tuple(edits)


def _gone(tree: Tree, declarator: SgNode) -> tuple[Edit, ...]:
    """The edit that takes a declarator away, with its statement where it is the only one."""
    above = declarator.parent()
    if above is None:
        return ()
    if above.field("initializer") is not None and same(above.field("initializer"), declarator):
        start, end = span(declarator)
        rest = tree.text[end:]
        return (Edit(start, end + len(rest) - len(rest.removeprefix(";").lstrip(" ")), ""),)
    if declarator.kind() in {"short_var_declaration", "public_field_definition"}:
        return (deletion(tree, declarator),)
    if above.kind() == "var_spec_list":
        above = above.parent() or above
    rows = [one for one in named(above) if one.kind() in tree.facts.declarators]
    rows += [one for part in named(above) if part.kind() == "var_spec_list" for one in named(part)]
    if len(rows) <= 1:
        return (deletion(tree, above),)
    if declarator.kind() in SHORT:
        return (deletion(tree, declarator),)
    place = next(n for n, one in enumerate(rows) if same(one, declarator))
    if place + 1 < len(rows):
        return (Edit(span(declarator)[0], span(rows[place + 1])[0], ""),)
    return (Edit(span(rows[place - 1])[1], span(declarator)[1], ""),)


def _taken_apart(
    tree: Tree, declarator: SgNode, pattern: SgNode | None, mark: Mark, read: Read
) -> tuple[Edit, ...] | None:
    """`const { enabled } = await client.evaluate(…)`: the only name that is taken is the answer's value."""
    if mark.letter not in {ANSWER, PROMISE} or pattern is None or pattern.kind() != "object_pattern":
        return None
    parts = named(pattern)
    wanted = read.call.result.replace("_", "").lower()
    if mark.letter == PROMISE or len(parts) != 1 or parts[0].text().replace("_", "").lower() != wanted:
        raise UnsafeError(mark.number, "more of its answer is taken than its value")
    binding = Scopes(tree).meant(parts[0])
    if binding is None or not lasting(tree, declarator, binding):
        raise UnsafeError(mark.number, "what is taken from its answer is assigned again")
    return (*replaced(tree, binding, Mark(read.final, mark.number)), *_gone(tree, declarator))


def _several(tree: Tree, declarator: SgNode, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """Declarations of Go, which may have several names: `v, err := client.Boolean(…)`."""
    names, values = _sides(declarator)
    if not any(same(value, node) for value in values):
        return None
    if len(names) == 2 and len(values) == 1:
        return _with_error(tree, declarator, names, mark)
    if len(names) != len(values):
        raise UnsafeError(mark.number, "its answer is declared in a way that is not known")
    place = next(n for n, value in enumerate(values) if same(value, node))
    binding = _binding(tree, names[place])
    if binding is None or not lasting(tree, declarator, binding):
        return None
    uses = replaced(tree, binding, mark)
    if len(names) == 1:
        return (*uses, *_gone(tree, declarator))
    edits = (*uses, dropped(names, place), dropped(values, place))
    kept = values[1 - place]
    if len(values) == 2 and kept.kind() in tree.facts.binary and (sign := kept.field("operator")) is not None:
        return (*edits, *_spaced(tree, sign))
    return edits


def _spaced(tree: Tree, sign: SgNode) -> tuple[Edit, ...]:
    """Room around an operator: gofmt gives it to a value that stands alone."""
    start, end = span(sign)
    tight = tree.text[start - 1] != " " and tree.text[end] != " "
    return (Edit(start, end, f" {sign.text()} "),) if tight else ()


def _sides(declarator: SgNode) -> tuple[list[SgNode], list[SgNode]]:
    """The names and the values of a declaration."""
    left, right = declarator.field("left"), declarator.field("right") or declarator.field("value")
    names = named(left) if left is not None else declarator.field_children("name")
    names = [one for one in names if one.is_named()]
    if right is None:
        return names, []
    return names, named(right) if right.kind() == "expression_list" else [right]


def dropped(row: list[SgNode], place: int) -> Edit:
    """The edit that takes one of a row away, with the comma."""
    if place + 1 < len(row):
        return Edit(span(row[place])[0], span(row[place + 1])[0], "")
    return Edit(span(row[place - 1])[1], span(row[place])[1], "")


def _binding(tree: Tree, name: SgNode) -> Binding | None:
    return Scopes(tree).meant(name) if name.text() != "_" else None


def _with_error(tree: Tree, declarator: SgNode, names: list[SgNode], mark: Mark) -> tuple[Edit, ...] | None:
    """The value is known and there was no error: checks of it are false until it is assigned again."""
    value, error = names
    start, end = span(declarator)
    scopes = Scopes(tree)
    binding = scopes.meant(value) if value.text() != "_" else None
    if binding is not None and not lasting(tree, declarator, binding):
        literal = tree.facts.literals["true" if mark.truth else "false"]
        return (Edit(*span(named_value(declarator)), f"{literal}, error(nil)"),) if mark.truth is not None else None
    edits = list(replaced(tree, binding, mark)) if binding is not None else []
    failing = scopes.meant(error) if error.text() != "_" else None
    if failing is None:
        return (*edits, *_gone(tree, declarator))
    checks, others = _checks(tree, scopes, declarator, failing)
    edits += [Edit(*span(one), str(mark_of_check(tree, one, mark))) for one in checks]
    if not others:
        return (*edits, *_gone(tree, declarator))
    if declarator.kind() != "short_var_declaration" or _in_head(declarator):
        return (*edits, Edit(start, end, f"{error.text()} := error(nil)"))
    earlier = [one for one in scopes.again(failing) if one.at < failing.at] + _parameters(tree, scopes, failing)
    return (*edits, Edit(start, end, f"{error.text()} = nil" if earlier else f"var {error.text()} error"))


def named_value(declarator: SgNode) -> SgNode:
    """What a declaration of one value is given."""
    return _sides(declarator)[1][0]


def mark_of_check(tree: Tree, check: SgNode, mark: Mark) -> Mark:
    """What `err != nil` is where there was no error."""
    sign = check.field("operator")
    return mark.turned(sign is not None and sign.text() == "==")


def _in_head(declarator: SgNode) -> bool:
    above = declarator.parent()
    return above is not None and same(above.field("initializer"), declarator)


def _parameters(tree: Tree, scopes: Scopes, failing: Binding) -> list[Binding]:
    """Parameters and named results of that name, where the declaration is in the function's outermost block."""
    above = failing.scope.parent()
    if above is None or above.kind() not in tree.facts.functions:
        return []
    return [one for one in scopes.of(failing.name) if same(one.scope, above)]


def _checks(tree: Tree, scopes: Scopes, declarator: SgNode, failing: Binding) -> tuple[list[SgNode], list[SgNode]]:
    """The checks of an error up to the statement that assigns it again, and all other uses of this variable."""
    again = [one for one in scopes.again(failing) if one.at > failing.at]
    uses = [*scopes.uses(failing)]
    for one in again:
        uses += scopes.uses(one)
    holder = declarator.parent()
    rows = named(holder) if holder is not None and holder.kind() in tree.facts.lists else [holder] if holder else []
    start = span(declarator)[1]
    checks: list[SgNode] = []
    for row in rows:
        if span(row)[1] <= start:
            continue
        within = [use for use in uses if inside(use, row) and span(use)[0] >= start]
        declared = [one for one in again if inside(one.at, row)]
        if declared and all(inside(one.at, row) for one in again[:1]) and _first_of(row, declared, within):
            uses = [use for use in uses if span(use)[0] < span(row)[1] and not inside(use, row)]
            break
        if declared or any(scopes.is_written(use) for use in within) or row.kind() == "labeled_statement":
            break
        if any(_deferred(use, row) for use in within):
            break
        checks += [check for use in within if (check := _check(use)) is not None]
    return checks, [use for use in uses if not any(inside(use, check) for check in checks)]


def _first_of(row: SgNode, declared: list[Binding], within: list[SgNode]) -> bool:
    """Whether a statement declares the name again before anything reads it."""
    is_declaration = row.kind() in SHORT or (row.kind() == "var_declaration")
    return is_declaration and not within and bool(declared)


def _deferred(use: SgNode, row: SgNode) -> bool:
    """Whether a use may run later: in a function that is made here."""
    return any(above.kind() == "func_literal" and inside(above, row) for above in ancestors(use))


def _check(use: SgNode) -> SgNode | None:
    above = use.parent()
    if above is None or above.kind() != "binary_expression":
        return None
    sign, right = above.field("operator"), above.field("right")
    if sign is None or sign.text() not in {"==", "!="} or right is None or right.text() != "nil":
        return None
    return above


def removal_of(tree: Tree, declarator: SgNode) -> tuple[Edit, ...]:
    """The edit that takes the declaration of a variable away."""
    return _gone(tree, declarator)
