"""Functions of the code that only hand a flag on: by its key, or for one flag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from ast_grep_py import SgNode

from sluice.flags.calls import Argument, FlagCall
from sluice.flags.reference import Place
from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.keys import Reading, Repository
from sluice.flags.syntax.marks import ANSWER, PROMISE, Mark, Read, UnsafeError, marked
from sluice.flags.syntax.rules.table import marks_of, reduced
from sluice.flags.syntax.text.lines import statements
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, apply, named, same, span

DEPTH = 3
"""Wrappers of wrappers are followed so far."""


@dataclass(frozen=True)
class Answering:
    """A function whose body is nothing but a mark."""

    node: SgNode
    name: SgNode
    mark: Mark
    asynchronous: bool


def answering(tree: Tree, node: SgNode, mark: Mark) -> Answering | None:
    """The function that does nothing but give back this mark."""
    function = next((above for above in ancestors(node) if above.kind() in tree.facts.functions), None)
    if function is None:
        return None
    body = function.field("body")
    name = function_name(function)
    if body is None or name is None:
        return None
    if marked(body) != mark:
        inner = statements(tree, body)
        given = named(inner[0]) if len(inner) == 1 and inner[0].kind() == "return_statement" else []
        if given and given[0].kind() == "expression_list":
            given = named(given[0])
        if not given or marked(given[0]) != mark or [one.text() for one in given[1:]] not in ([], ["nil"]):
            return None
    asynchronous = any(child.kind() == "async" for child in function.children())
    return Answering(function, name, mark, asynchronous)


def function_name(function: SgNode) -> SgNode | None:
    """The name of a function, also where it is the value of a constant."""
    name = function.field("name")
    above = function.parent()
    if name is None and above is not None and above.kind() == "variable_declarator":
        name = above.field("name")
        kind = above.parent()
        if kind is None or not kind.text().startswith("const"):
            return None
    return name if name is not None and name.is_leaf() else None


def with_wrappers(repository: Repository, calls: tuple[FlagCall, ...]) -> tuple[FlagCall, ...]:
    """The calls, and those of the repository's functions that hand their parameter on to one of them as the key."""
    known, fresh = calls, calls
    for _ in range(DEPTH):
        found: list[FlagCall] = []
        words = {call.parts[-1] for call in fresh}
        for path in sorted(repository.files):
            text = repository.files[path]
            if any(word in text for word in words):
                found += _in_text(path, text, repository.facts, fresh)
        fresh = tuple(one for one in dict.fromkeys(found) if one not in known)
        if not fresh:
            break
        known = (*known, *fresh)
    return known


@lru_cache(maxsize=1024)
def _in_text(path: str, text: str, facts: Facts, calls: tuple[FlagCall, ...]) -> tuple[FlagCall, ...]:
    """The calls that functions of one text are. Kept, because each flag of a repository asks for them."""
    repository = Repository({path: text}, facts)
    tree = repository.tree(path)
    readings = [one for one in repository.readings(tree, calls) if one.parameter is not None]
    return tuple(call for one in readings if (call := _handing_on(tree, one)) is not None)


def _handing_on(tree: Tree, reading: Reading) -> FlagCall | None:
    """The call that a function is, if it only hands its parameter on."""
    assert reading.parameter is not None  # noqa: S101  # asked before
    function = reading.parameter.scope
    name = function_name(function)
    position = _position(function, reading.parameter.declaration)
    if name is None or position is None or tree.broken:
        return None
    read = Read(
        0,
        Place(tree.path, 1),
        replace(reading.call, negated=False),
        "true" if reading.call.answers("true") else "variant",
    )
    start, end = span(reading.node)
    mark = Mark(PROMISE if reading.call.asynchronous else read.answer, 0)
    try:
        text = reduced(tree.path, apply(tree.text, [Edit(start, end, str(mark))]), tree.facts, {0: read})
    except UnsafeError:
        return None
    after = Tree(tree.path, text, tree.facts)
    for node, left in marks_of(after):
        found = answering(after, node, left)
        if found is not None and found.name.text() == name.text():
            return _as_call(reading.call, found, read, position)
    return None


def _as_call(call: FlagCall, found: Answering, read: Read, position: int) -> FlagCall | None:
    letter = found.mark.letter
    if letter not in {read.final, ANSWER, PROMISE, "T", "F"}:
        return None
    promised = letter == PROMISE or found.asynchronous
    whole = letter in {ANSWER, PROMISE}
    turned = (letter == "F") != call.negated if call.answers("true") and not whole else call.negated
    return FlagCall(
        found.name.text(),
        call.languages,
        kind=call.kind,
        key=Argument(position),
        result=call.result if whole else "",
        asynchronous=promised,
        negated=turned,
    )


def _position(function: SgNode, declaration: SgNode) -> int | None:
    """Which parameter a declaration is."""
    parameters = function.field("parameters")
    if parameters is None:
        return None
    rows: list[SgNode] = []
    for one in named(parameters):
        rows += [one] * max(1, len(one.field_children("name")))
    place = next((n for n, one in enumerate(rows) if same(one, declaration)), None)
    group = named(parameters)
    several = any(len(one.field_children("name")) > 1 and same(one, declaration) for one in group)
    return None if several else place
