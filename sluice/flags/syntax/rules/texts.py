"""Rules for a constant that is one of two texts by the flag: it is known wherever it is used, as a variant would be."""

from __future__ import annotations

from dataclasses import replace

from ast_grep_py import SgNode

from sluice.flags.calls import VARIANT
from sluice.flags.syntax import marks
from sluice.flags.syntax.marks import Mark, Read
from sluice.flags.syntax.rules.variables import lasting
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, span


def known_text(tree: Tree, ternary: SgNode, kept: SgNode, gone: SgNode, read: Read) -> tuple[Edit, ...] | None:
    """The edit by which a ternary of two texts becomes a mark of the one that is taken; None where it may not."""
    declarator = next((one for one in ancestors(ternary) if one.kind() not in tree.facts.parens), None)
    name = declarator.field("name") if declarator is not None else None
    value = tree.string(kept)
    if declarator is None or name is None or value is None or tree.string(gone) is None:
        return None
    if declarator.kind() != "variable_declarator" or value in {"true", "false"} or tree.facts.quote in value:
        return None
    binding = Scopes(tree).meant(name)
    if binding is None or not lasting(tree, declarator, binding):
        return None
    number = len(read.others)
    call = replace(read.call, kind=VARIANT, negated=False, asynchronous=False, result="")
    read.others[number] = Read(number, read.place, call, value, read.others)
    return (Edit(*span(ternary), str(Mark(marks.VARIANT, number))),)
