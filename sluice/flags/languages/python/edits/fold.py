"""A file's code with the flag's value put in: conditions resolved, dead branches gone, every other byte as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from sluice.flags.languages.python.code.source import BOM, Span
from sluice.flags.languages.python.edits.blocks import (
    PASS,
    Statement,
    apart,
    blank_lines,
    ends,
    is_pass,
    set_apart,
    statements_of,
    with_lines_above,
    without_blanks,
)
from sluice.flags.languages.python.edits.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Folded:
    """What became of a file: its text, what was put in where, and the lines of conditions that could not go whole."""

    text: str
    used: set[Span]
    stuck: tuple[Span, ...]


def folded(text: str, values: Mapping[Span, bool | str], dropped: set[Span], constants: Mapping[Span, str]) -> Folded:
    """The text with what is known put in."""
    mark = BOM if text.startswith(BOM) else ""
    wrapper = MetadataWrapper(cst.parse_module(text.removeprefix(BOM)), unsafe_skip_copy=True)
    places = {node: _span(where) for node, where in wrapper.resolve(PositionProvider).items()}
    fold = Fold(places, values, dropped, constants)
    fold.lines = wrapper.module.code.splitlines()
    return Folded(mark + wrapper.module.visit(fold).code, fold.used, tuple(fold.stuck))


def _span(where: Any) -> Span:
    return where.start.line, where.start.column, where.end.line, where.end.column


class Fold(Conditions):
    """The walk over one file. Expressions are folded below, in Conditions; statements here."""

    def __init__(
        self,
        places: Mapping[cst.CSTNode, Span],
        values: Mapping[Span, bool | str],
        dropped: set[Span],
        constants: Mapping[Span, str],
    ) -> None:
        super().__init__(places, values, constants)
        self.dropped = dropped
        self._elifs: set[cst.CSTNode] = set()
        self._gone: dict[int, tuple[Statement, list[cst.EmptyLine]]] = {}
        self._final: dict[int, Statement] = {}
        self._feet: dict[int, tuple[Statement, list[cst.EmptyLine]]] = {}
        self._emptied: dict[int, cst.BaseSuite] = {}

    # what a statement becomes

    def _nothing(self, lines: Sequence[cst.EmptyLine]) -> Statement:
        """In place of a statement that goes: dropped by the block, which keeps the comments that are not its own."""
        stand_in = cst.SimpleStatementLine([PASS], leading_lines=[one for one in lines if not one.comment])
        self._gone[id(stand_in)] = (stand_in, apart(lines))
        return stand_in

    def _spliced(self, lines: Sequence[cst.EmptyLine], block: cst.BaseSuite, before: Sequence[Statement] = ()) -> Any:
        """A block's statements in place of the statement that it belonged to."""
        body, feet = statements_of(block)
        body = [*before, *(one for one in body if not (is_pass(one) and not feet))]
        if not body:
            return self._nothing(lines)
        body[0] = with_lines_above(body[0], lines)
        if feet:
            self._feet[id(body[-1])] = (body[-1], feet)
        if ends(body):
            self._final[id(body[-1])] = body[-1]
        return cst.FlattenSentinel(body)

    def _block(self, body: Sequence[Statement], *, below: bool = False) -> tuple[list[Statement], list[cst.EmptyLine]]:
        """Statements without those that went and those that are never reached; the comments that are left at the end."""
        kept: list[Statement] = []
        carried: list[cst.EmptyLine] = []
        blanks, went = 0, False
        for one in body:
            if id(one) in self._gone:
                carried += self._gone[id(one)][1]
                blanks, went = max(blanks, blank_lines(one)), True
                continue
            follows = set_apart(one, carried, blanks) if carried or blanks else one
            first = went and not kept and not carried and not below
            kept.append(without_blanks(follows) if first else follows)
            carried, blanks = list(self._feet.get(id(one), (one, []))[1]), 0
            if id(one) in self._final:
                break
        return kept, carried

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        """A block, with `pass` where nothing stayed."""
        body, carried = self._block(updated_node.body)
        if len(body) == len(updated_node.body) and not carried:
            same = all(one is other for one, other in zip(body, updated_node.body, strict=True))
            if same:
                return updated_node
        block = updated_node.with_changes(
            body=body or [cst.SimpleStatementLine([PASS])], footer=[*carried, *updated_node.footer]
        )
        if not body:
            self._emptied[id(block)] = block
        return block

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.BaseSuite:
        """`if x: statement` on one line."""
        if updated_node.body:
            return updated_node
        block = updated_node.with_changes(body=[PASS])
        self._emptied[id(block)] = block
        return block

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """The file."""
        body, carried = self._block(updated_node.body, below=bool(updated_node.header))
        return updated_node.with_changes(body=body, footer=[*carried, *updated_node.footer])

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> Any:
        """A line whose statements all went."""
        return updated_node if updated_node.body else self._nothing(updated_node.leading_lines)

    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> Any:
        """A value that nobody takes."""
        known = self.truth(updated_node.value) is not None
        return cst.RemoveFromParent() if known or self._is_dropped(original_node.value) else updated_node

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> Any:
        """An answer whose uses are all known."""
        return cst.RemoveFromParent() if self._is_dropped(original_node.value) else updated_node

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> Any:
        """An answer whose uses are all known."""
        gone = original_node.value is not None and self._is_dropped(original_node.value)
        return cst.RemoveFromParent() if gone else updated_node

    def leave_Assert(self, original_node: cst.Assert, updated_node: cst.Assert) -> Any:
        """What is always so needs no assertion."""
        return cst.RemoveFromParent() if self.truth(updated_node.test) else updated_node

    def leave_Decorator(self, original_node: cst.Decorator, updated_node: cst.Decorator) -> Any:
        """A decorator that lets its function run as it is; a conditional one that was decided."""
        return cst.RemoveFromParent() if self._is_dropped(original_node.decorator) else updated_node

    def _is_dropped(self, value: cst.CSTNode) -> bool:
        span = self.places.get(value)
        if span not in self.dropped:
            return False
        self.used.add(span)
        return True

    # if, while, else

    def visit_If(self, node: cst.If) -> None:
        """An `if` in another one's else is an elif."""
        if isinstance(node.orelse, cst.If):
            self._elifs.add(node.orelse)

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> Any:
        """The branch that runs, in place of the condition."""
        test, first = self.condition(updated_node.test)
        truth = self.truth(test)
        elif_ = original_node in self._elifs
        if truth is None:
            if first and elif_:  # there is no place for it before an elif
                self.stuck.append(self.places[original_node])
                return updated_node
            above = () if first else updated_node.leading_lines
            same = test is updated_node.test and not first
            changed = updated_node if same else updated_node.with_changes(test=test, leading_lines=above)
            if first:
                first = [first[0].with_changes(leading_lines=updated_node.leading_lines), *first[1:]]
            if ends([changed]) and not ends([original_node]):
                self._final[id(changed)] = changed
            return cst.FlattenSentinel([*first, changed]) if first else changed
        if elif_:
            return self._elif(updated_node, bool(truth), first)
        above = updated_node.leading_lines
        if truth:
            return self._spliced(above, updated_node.body, first)
        if isinstance(updated_node.orelse, cst.Else):
            return self._spliced(above, updated_node.orelse.body, first)
        if isinstance(updated_node.orelse, cst.If):
            follows = updated_node.orelse.with_changes(leading_lines=[*above, *updated_node.orelse.leading_lines])
            if ends([follows]) and not ends([original_node]):
                self._final[id(follows)] = follows
            return cst.FlattenSentinel([*first, follows])
        return self._spliced(above, cst.IndentedBlock([]), first)

    def _elif(self, node: cst.If, truth: bool, first: Sequence[Statement]) -> Any:
        if not truth and not first:
            return node.orelse if node.orelse is not None else cst.RemoveFromParent()
        body = node.body if truth else node.orelse.body if isinstance(node.orelse, cst.Else) else None
        if body is None and isinstance(node.orelse, cst.If):
            body = cst.IndentedBlock([node.orelse])
        if first:
            inside = statements_of(body)[0] if body is not None else []
            body = cst.IndentedBlock([*first, *inside])
        return cst.Else(body or cst.IndentedBlock([]), leading_lines=node.leading_lines)

    def leave_Else(self, original_node: cst.Else, updated_node: cst.Else) -> Any:
        """An else in which nothing is left."""
        block = updated_node.body
        empty = id(block) in self._emptied and not getattr(block, "footer", ())
        return cst.RemoveFromParent() if empty else updated_node

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> Any:
        """A `finally` in which nothing is left goes where an `except` still follows the `try`."""
        last = updated_node.finalbody
        empty = last is not None and id(last.body) in self._emptied and not getattr(last.body, "footer", ())
        return updated_node.with_changes(finalbody=None) if empty and updated_node.handlers else updated_node

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> Any:
        """A loop that never begins leaves its else; one that always goes on has none."""
        test, first = self.condition(updated_node.test)
        truth = self.truth(test)
        if first:
            self.stuck.append(self.places[original_node])
            return updated_node
        if truth is None:
            return updated_node.with_changes(test=test)
        if truth:
            return updated_node.with_changes(test=test, orelse=None)
        body = updated_node.orelse.body if updated_node.orelse else cst.IndentedBlock([])
        return self._spliced(updated_node.leading_lines, body)

    def leave_Match(self, original_node: cst.Match, updated_node: cst.Match) -> Any:
        """The case that fits, where that is certain; else those that may."""
        subject = self.truth(updated_node.subject)
        if subject is None:
            return updated_node
        cases, certain = self.fitting(original_node.cases, updated_node.cases, subject)
        above = updated_node.leading_lines
        if not cases:
            return self._nothing(above)
        return self._spliced(above, cases[0].body) if certain else updated_node.with_changes(cases=cases)

    def leave_CompIf(self, original_node: cst.CompIf, updated_node: cst.CompIf) -> Any:
        """A condition of a comprehension."""
        test, first = self.condition(updated_node.test)
        if first:
            self.stuck.append(self.places[original_node])
        if self.truth(test) and not first:
            return cst.RemoveFromParent()
        return updated_node if first else updated_node.with_changes(test=test)
