"""The rules, in the order in which they are tried, and the steps that they make in one text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.marks import ANSWER, PATTERN, PROMISE, VARIANT, Mark, Read, UnsafeError, mark_of
from sluice.flags.syntax.rules import branches, expressions, loops, markup, promises, switches, variables
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, apply, inside, named, same, span

Rule = Callable[[Tree, SgNode, Mark, Read], tuple[Edit, ...] | None]
RULES: tuple[Rule, ...] = (
    expressions.rewrite,
    markup.rewrite,
    branches.rewrite,
    loops.rewrite,
    switches.rewrite,
    variables.rewrite,
    promises.rewrite,
)
MOST_STEPS = 5_000


def marks_of(tree: Tree) -> list[tuple[SgNode, Mark]]:
    """Each mark of a text, with its node."""
    found = [(leaf, mark_of(leaf.text())) for leaf in tree.root.find_all(regex=f"^{PATTERN.pattern[2:-2]}$")]
    return [(leaf, mark) for leaf, mark in found if mark is not None and leaf.is_leaf()]


def reduced(path: str, text: str, facts: Facts, reads: Mapping[int, Read]) -> str:
    """The text once no rule applies any more.

    Raises:
        UnsafeError: for a call that has to stay.
    """
    for _ in range(MOST_STEPS):
        edits = _step(Tree(path, text, facts), reads)
        if edits is None:
            return text
        text = _tidied(path, apply(text, edits), facts, min(edits).start)
    raise UnsafeError(min(reads), "the code around it is too large to be followed")


def _step(tree: Tree, reads: Mapping[int, Read]) -> tuple[Edit, ...] | None:
    for node, mark in marks_of(tree):
        for rule in RULES:
            if (edits := rule(tree, node, mark, reads[mark.number])) is not None:
                _refuse_what_was_caught(tree, node, mark, edits)
                return _merged(edits)
    return None


def _merged(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits without those that lie inside another one."""
    return tuple(
        one
        for one in edits
        if not any(other is not one and inside((one.start, one.end), (other.start, other.end)) for other in edits)
    )


def _tidied(path: str, text: str, facts: Facts, start: int) -> str:
    if "<" not in text or not path.endswith(("x", "js")):
        return text
    tree = Tree(path, text, facts)
    edits = markup.tidied(tree, start)
    return apply(text, edits) if edits else text


def _refuse_what_was_caught(tree: Tree, node: SgNode, mark: Mark, edits: tuple[Edit, ...]) -> None:
    """In Java a `catch` of what nothing throws any more is an error."""
    for above in ancestors(node):
        if tree.facts.checked(above) and inside(node, above.field("body") or above):
            gone = sum(tree.text[one.start : one.end].count("(") - one.text.count("(") for one in edits)
            if gone > 0:
                raise UnsafeError(mark.number, "what goes may be the only code here that throws what is caught")


def finished(path: str, text: str, facts: Facts, reads: Mapping[int, Read]) -> str:
    """The text with a literal for each mark that no rule could move.

    Raises:
        UnsafeError: for a mark that no literal can stand for.
    """
    tree = Tree(path, text, facts)
    edits = []
    for node, mark in marks_of(tree):
        start, end = span(node)
        edits.append(Edit(start, end, _literal(tree, node, mark, reads[mark.number])))
    return apply(text, edits)


def _literal(tree: Tree, node: SgNode, mark: Mark, read: Read) -> str:
    if mark.letter == PROMISE and (text := promises.written(node, read, tree.facts)) is not None:
        return text
    if mark.letter == PROMISE:
        raise UnsafeError(mark.number, "its promise is not awaited where it is asked")
    if mark.letter == ANSWER:
        raise UnsafeError(mark.number, "its answer is used for more than the value")
    written = {"T": tree.facts.literals["true"], "F": tree.facts.literals["false"]}.get(mark.letter)
    if mark.letter == VARIANT:
        written = f"{tree.facts.quote}{read.value}{tree.facts.quote}"
    assert written is not None  # noqa: S101  # the letters are these five
    return written + _second(tree, node, mark, read)


def _second(tree: Tree, node: SgNode, mark: Mark, read: Read) -> str:
    """`, nil` where a call of Go gave an error, too."""
    if "nil" not in tree.facts.literals:
        return ""
    holder = next((one for one in ancestors(node) if one.kind() != "expression_list"), None)
    listed = node.parent()
    alone = listed is None or listed.kind() != "expression_list" or len(named(listed)) == 1
    if holder is None or not alone:
        return ""
    if holder.kind() == "return_statement":
        function = next((one for one in ancestors(holder) if one.kind() in tree.facts.functions), None)
        result = function.field("result") if function is not None else None
        return ", nil" if result is not None and results(result) == 2 else ""
    left = holder.field("left")
    if left is not None and len(named(left)) == 2:
        return ", nil" if holder.kind() == "assignment_statement" else ", error(nil)"
    single = mark.letter != read.final or _takes_one(tree, holder)
    if holder.kind() == "argument_list" and len(named(holder)) == 1 and same(named(holder)[0], node) and not single:
        raise UnsafeError(mark.number, "it is handed on as the only argument, maybe with its error")
    return ""


def _takes_one(tree: Tree, arguments: SgNode) -> bool:
    """Whether the function that is called is one of this file with a single parameter."""
    call = arguments.parent()
    called = call.field("function") if call is not None else None
    found = [one for one in tree.find({"function_declaration"}) if called is not None and _is_called(one, called)]
    parameters = found[0].field("parameters") if len(found) == 1 else None
    rows = named(parameters) if parameters is not None else []
    return len(rows) == 1 and rows[0].kind() == "parameter_declaration" and len(rows[0].field_children("name")) <= 1


def _is_called(function: SgNode, called: SgNode) -> bool:
    name = function.field("name")
    return name is not None and name.text() == called.text()


def results(result: SgNode) -> int:
    """How many values a function of Go gives back."""
    if result.kind() != "parameter_list":
        return 1
    return sum(max(1, len(one.field_children("name"))) for one in named(result))
