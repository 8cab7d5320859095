"""Rules for `switch`: on a variant whose key is known, and with cases that are conditions."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.marks import VARIANT, Mark, Read, UnsafeError
from sluice.flags.syntax.rules.before import first_of
from sluice.flags.syntax.rules.branches import clashes, dead_after, hoisted, terminates
from sluice.flags.syntax.rules.expressions import settled
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.lines import (
    contents,
    deletion,
    indentation,
    line_start,
    newline,
    statements,
    with_comments,
)
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, inside, named, same, span

TARGETS = ("for_statement", "while_statement", "do_statement", "for_in_statement", "enhanced_for_statement")
BREAK, FALLTHROUGH, YIELD = "break_statement", "fallthrough_statement", "yield_statement"


def rewrite(tree: Tree, node: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...] | None:
    """One step from a mark that is what a switch asks for, or a case."""
    head = node
    while (above := head.parent()) is not None and above.kind() in (*tree.facts.parens, "expression_list"):
        head = above
    if above is None:
        return None
    if above.kind() in tree.facts.switches and any(same(above.field(one), head) for one in ("value", "condition")):
        return _switch(tree, above, mark, read) if mark.letter == VARIANT else None
    if above.kind() in tree.facts.cases and same(above.field("value"), head) and len(named(head)) <= 1:
        return _case(tree, above, mark)
    return None


def cases_of(tree: Tree, switch: SgNode) -> list[SgNode]:
    """The cases of a switch, in order."""
    return [one for one in tree.find(tree.facts.cases, within=switch) if _owner(tree, one, switch)]


def _owner(tree: Tree, case: SgNode, switch: SgNode) -> bool:
    owner = next((above for above in ancestors(case) if above.kind() in tree.facts.switches), None)
    return same(owner, switch)


def _values(tree: Tree, case: SgNode, mark: Mark) -> list[str] | None:
    """The values of a case; None for the default."""
    label = next((one for one in case.children() if one.kind() == "switch_label"), None)
    if label is not None:
        found = named(label)
    else:
        value = case.field("value")
        found = [] if value is None else named(value) if value.kind() == "expression_list" else [value]
    if not found:
        return None
    texts = [tree.string(one) for one in found]
    if any(text is None for text in texts):
        raise UnsafeError(mark.number, "a case of the switch is not written out as a string")
    return [text for text in texts if text is not None]


def _switch(tree: Tree, switch: SgNode, mark: Mark, read: Read) -> tuple[Edit, ...]:
    cases = cases_of(tree, switch)
    values = [_values(tree, case, mark) for case in cases]
    chosen = next((n for n, one in enumerate(values) if one is not None and read.value in one), None)
    if chosen is None:
        chosen = next((n for n, one in enumerate(values) if one is None), None)
    if switch.field("initializer") is not None:
        raise UnsafeError(mark.number, "the statement before the switch has to run as well")
    if chosen is None:
        return _nothing(tree, switch, mark)
    if cases[chosen].kind() == "switch_rule":
        return _rule(tree, switch, cases[chosen], mark)
    return _taken(tree, switch, cases, chosen, mark)


def _nothing(tree: Tree, switch: SgNode, mark: Mark) -> tuple[Edit, ...]:
    above = switch.parent()
    statement = above if above is not None and above.kind() in tree.facts.statements else switch
    if (outer := statement.parent()) is None or outer.kind() not in tree.facts.lists:
        raise UnsafeError(mark.number, "no case of the switch is chosen")
    hoisted(tree, statement, mark)
    return (deletion(tree, statement),)


def _rule(tree: Tree, switch: SgNode, case: SgNode, mark: Mark) -> tuple[Edit, ...]:
    """`case "a" -> …` of Java."""
    chosen = named(case)[-1]
    above = switch.parent()
    if above is None:
        raise UnsafeError(mark.number, "the switch stands alone")
    if above.kind() in tree.facts.lists:
        return _inlined(tree, switch, chosen, mark)
    if above.kind() in tree.facts.statements:
        return _inlined(tree, above, chosen, mark)
    if chosen.kind() in tree.facts.blocks and (edits := _yielded(tree, switch, chosen, mark)):
        return edits
    if chosen.kind() not in tree.facts.statements:
        raise UnsafeError(mark.number, "the case that is chosen is a block that yields a value")
    others = [named(one)[-1] for one in cases_of(tree, switch)]
    value = named(chosen)[0]
    for other in others:
        gives = not same(other, chosen) and other.kind() in tree.facts.statements
        if gives and (reason := tree.facts.retyped(tree.text, switch, value, named(other)[0])):
            raise UnsafeError(mark.number, reason)
    return settled(tree, switch, value)


def _yielded(tree: Tree, switch: SgNode, block: SgNode, mark: Mark) -> tuple[Edit, ...]:
    """A block whose last statement yields what the switch gives: the others run before the statement that takes it."""
    inner = statements(tree, block)
    statement = first_of(tree, switch)
    above = statement.parent() if statement is not None else None
    if statement is None or above is None or above.kind() not in tree.facts.lists or len(inner) < 2:
        return ()
    yields = tree.find({YIELD}, within=block)
    if len(yields) != 1 or not same(yields[0], inner[-1]) or _declares(tree, inner):
        return ()
    value = named(inner[-1])[0]
    others = [named(case)[-1] for case in cases_of(tree, switch)]
    given = [named(one)[0] for one in others if not same(one, block) and one.kind() in tree.facts.statements]
    if any(tree.facts.retyped(tree.text, switch, value, one) for one in given):
        return ()
    place = span(statement)[0]
    indent = indentation(tree.text, place)
    text = contents(tree, span(inner[0])[0], span(inner[-2])[1], indent) + newline(tree.text) + indent
    return (Edit(place, place, text), *settled(tree, switch, value))


def _inlined(tree: Tree, whole: SgNode, chosen: SgNode, mark: Mark) -> tuple[Edit, ...]:
    start, end = span(whole)
    indent = indentation(tree.text, start)
    first, last = span(chosen)
    block = chosen.kind() in tree.facts.blocks
    if block and clashes(tree, whole, chosen):
        return (Edit(start, end, chosen.text()), *dead_after(tree, whole, chosen, mark))
    text = contents(tree, first + 1, last - 1, indent) if block else contents(tree, first, last, indent)
    edit = Edit(start, end, text) if text else deletion(tree, whole)
    return (edit, *dead_after(tree, whole, chosen, mark))


def _taken(tree: Tree, switch: SgNode, cases: list[SgNode], chosen: int, mark: Mark) -> tuple[Edit, ...]:
    runs = _runs(tree, cases, chosen)
    for _, kept in runs:
        _own_breaks(tree, kept, mark)
    above = switch.parent()
    if above is None or above.kind() not in tree.facts.lists:
        raise UnsafeError(mark.number, "the switch is not a statement of its own")
    taken = [case for case in cases if any(inside(holder, case) for holder, _ in runs)]
    for other in cases:
        if not any(same(other, case) for case in taken):
            hoisted(tree, other, mark)
            for case in taken:
                _shared(tree, other, case, mark)
    runs = [(holder, kept) for holder, kept in runs if kept]
    if not runs:
        return (deletion(tree, switch),)
    if len(runs) > 1 and any(clashes(tree, switch, holder) or _declares(tree, kept) for holder, kept in runs):
        raise UnsafeError(mark.number, "the case that is chosen goes on into the next one")
    indent = indentation(tree.text, span(switch)[0])
    text = (newline(tree.text) + indent).join(_statements(tree, switch, *run) for run in runs)
    return (Edit(*span(switch), text), *dead_after(tree, switch, runs[-1][1][-1], mark))


def _runs(tree: Tree, cases: list[SgNode], chosen: int) -> list[tuple[SgNode, list[SgNode]]]:
    """What runs from the chosen case on, by the case or block that it stands in."""
    runs: list[tuple[SgNode, list[SgNode]]] = []
    for case in cases[chosen:]:
        inner, holder = statements(tree, case), case
        if len(inner) == 1 and inner[0].kind() in tree.facts.blocks:
            holder = inner[0]
            inner = statements(tree, holder)
        last = inner[-1] if inner else None
        goes_on = last is not None and last.kind() == FALLTHROUGH
        leaves = last is not None and (goes_on or (last.kind() == BREAK and not named(last)))
        runs.append((holder, inner[:-1] if leaves else inner))
        if (leaves and not goes_on) or not (goes_on or (tree.facts.falls_through and not terminates(tree, last))):
            break
    return runs


def _declares(tree: Tree, kept: list[SgNode]) -> bool:
    """Whether statements declare a name for those after them."""
    return any(one.kind() in {*tree.facts.declarations, "class_declaration", "type_declaration"} for one in kept)


def _statements(tree: Tree, switch: SgNode, holder: SgNode, kept: list[SgNode]) -> str:
    indent = indentation(tree.text, span(switch)[0])
    first = with_comments(tree, kept[0])
    first = first if first >= span(holder)[0] and first > line_start(tree.text, span(holder)[0]) else span(kept[0])[0]
    last = span(kept[-1])[1]
    trailing = tree.text[last : tree.text.find("\n", last)] if "\n" in tree.text[last:] else ""
    if trailing.strip().startswith("//"):
        last += len(trailing)
    if tree.facts.separators and tree.text[last : last + 1] == ";" and tree.facts.name != "go":
        last += 1
    text = contents(tree, first, last, indent)
    if clashes(tree, switch, holder):
        own = indentation(tree.text, span(kept[0])[0])
        unit = own.removeprefix(indentation(tree.text, span(holder)[0]))
        ends = newline(tree.text)
        text = f"{{{ends}{indent}{unit}{contents(tree, first, last, indent + unit)}{ends}{indent}}}"
    return text


def _own_breaks(tree: Tree, kept: list[SgNode], mark: Mark) -> None:
    """Refuses where a `break` inside the chosen case would then leave something else."""
    for statement in kept:
        for one in tree.find({BREAK, FALLTHROUGH}, within=statement):
            inner = [above.kind() for above in ancestors(one) if span(above)[0] >= span(statement)[0]]
            targets = (*TARGETS, *tree.facts.switches, "select_statement", "type_switch_statement")
            if not named(one) and not any(kind in targets for kind in inner):
                raise UnsafeError(mark.number, "the case that is chosen leaves the switch in its middle")


def _shared(tree: Tree, other: SgNode, case: SgNode, mark: Mark) -> None:
    """Refuses where the chosen case uses what another case declares."""
    scopes = Scopes(tree)
    for one in scopes.all:
        used = [use for use in scopes.uses(one) if inside(use, case)] if inside(one.at, other) else []
        if used:
            raise UnsafeError(mark.number, f"`{one.name}` is declared in another case")


def _case(tree: Tree, case: SgNode, mark: Mark) -> tuple[Edit, ...] | None:
    """`case flag:` in a switch without a subject (Go)."""
    switch = next((above for above in ancestors(case) if above.kind() in tree.facts.switches), None)
    if switch is None or switch.field("value") is not None or tree.facts.falls_through or mark.truth is None:
        return None
    cases = cases_of(tree, switch)
    place = next(n for n, one in enumerate(cases) if same(one, case))
    if tree.find({FALLTHROUGH}, within=switch):
        raise UnsafeError(mark.number, "a case of the switch goes on into the next one")
    if mark.truth is False:
        return (deletion(tree, case),)
    gone = [one for n, one in enumerate(cases) if n > place or "default" in one.kind()]
    if place == 0:
        return _taken(tree, switch, cases, 0, mark)
    value = case.field("value")
    assert value is not None  # noqa: S101  # it has the mark
    edits = [Edit(span(case)[0], span(value)[1], "default")]
    return (*edits, *(deletion(tree, one) for one in gone))
