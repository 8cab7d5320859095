"""Rules for `switch`: on a variant whose key is known, and with cases that are conditions."""

from __future__ import annotations

from ast_grep_py import SgNode

from sluice.flags.syntax.lines import contents, deletion, indentation, line_start, newline, statements, with_comments
from sluice.flags.syntax.marks import VARIANT, Mark, Read, UnsafeError
from sluice.flags.syntax.rules.branches import clashes, dead_after, hoisted, terminates
from sluice.flags.syntax.rules.expressions import settled
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.tree import Edit, Tree, ancestors, inside, named, same, span

TARGETS = ("for_statement", "while_statement", "do_statement", "for_in_statement", "enhanced_for_statement")
BREAK = "break_statement"


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
    if chosen.kind() not in tree.facts.statements:
        raise UnsafeError(mark.number, "the case that is chosen is a block that yields a value")
    others = [named(one)[-1] for one in cases_of(tree, switch)]
    value = named(chosen)[0]
    for other in others:
        gives = not same(other, chosen) and other.kind() in tree.facts.statements
        if gives and (reason := tree.facts.retyped(tree.text, switch, value, named(other)[0])):
            raise UnsafeError(mark.number, reason)
    return settled(tree, switch, value)


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
    while tree.facts.falls_through and not statements(tree, cases[chosen]) and chosen + 1 < len(cases):
        chosen += 1
    case = cases[chosen]
    inner = statements(tree, case)
    single = inner[0] if len(inner) == 1 and inner[0].kind() in tree.facts.blocks else None
    if single is not None:
        inner = statements(tree, single)
    last = inner[-1] if inner else None
    ends = last is not None and last.kind() == BREAK and not named(last)
    if tree.facts.falls_through and chosen + 1 < len(cases) and not ends and not terminates(tree, last):
        raise UnsafeError(mark.number, "the case that is chosen goes on into the next one")
    kept = inner[:-1] if ends else inner
    _own_breaks(tree, kept, mark)
    above = switch.parent()
    if above is None or above.kind() not in tree.facts.lists:
        raise UnsafeError(mark.number, "the switch is not a statement of its own")
    for other in cases:
        if not same(other, case):
            hoisted(tree, other, mark)
            _shared(tree, other, case, mark)
    if not kept:
        return (deletion(tree, switch),)
    return _statements(tree, switch, case if single is None else single, kept, mark)


def _statements(tree: Tree, switch: SgNode, holder: SgNode, kept: list[SgNode], mark: Mark) -> tuple[Edit, ...]:
    start, end = span(switch)
    indent = indentation(tree.text, start)
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
    ending = dead_after(tree, switch, kept[-1], mark)
    return (Edit(start, end, text), *ending)


def _own_breaks(tree: Tree, kept: list[SgNode], mark: Mark) -> None:
    """Refuses where a `break` inside the chosen case would then leave something else."""
    for statement in kept:
        for one in tree.find({BREAK, "fallthrough_statement"}, within=statement):
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
    if any(one.kind() == "fallthrough_statement" for one in tree.find({"fallthrough_statement"}, within=switch)):
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
