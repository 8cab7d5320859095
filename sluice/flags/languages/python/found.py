"""What is put into one file, and what of it stays: each read of the flag is one or the other."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from sluice.flags.languages.base import Left
from sluice.flags.languages.python.code.source import Source, Span
from sluice.flags.languages.python.known import Answer, Known, in_text
from sluice.flags.languages.python.reads import Read
from sluice.flags.reference import Place

DECORATED = "what the call decorates never runs with this value: remove it by hand"
AS_A_WHOLE = "the answer is used as a whole, not only its value"


@dataclass(slots=True)
class Found:
    """What is known of one file.

    Attributes:
        values: what expressions are worth, by where they stand.
        dropped: assignments that have no use any more, by where their value stands.
        constants: texts that patterns of `match` name.
        decorators: those that go.
        left: reads that stay.
        reads: the calls that go.
    """

    values: dict[Span, bool | str] = field(default_factory=dict)
    dropped: set[Span] = field(default_factory=set)
    constants: dict[Span, str] = field(default_factory=dict)
    decorators: list[Place] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)


class Finder:
    """The walk over a file that asks for each expression what it is worth."""

    def __init__(self, known: Known) -> None:
        self.known = known

    def found(self, source: Source) -> Found:
        """What is known of one file: every expression, and the reads that stay."""
        found = Found()
        for node in ast.walk(source.tree):
            if isinstance(node, ast.expr) and in_text(source, node):
                if isinstance(node, ast.Call) and self._reads_it(source, node):
                    found.left.append(Left(source.place(node), "the flag is read inside an f-string"))
                continue
            worth = self.known.of(source, node) if isinstance(node, ast.expr) else None
            if isinstance(worth, bool | str):
                found.values[source.span(node)] = worth
            if isinstance(node, ast.MatchValue) and not isinstance(node.value, ast.Constant):
                text = self.known.reads.text(source, node.value)[0]
                found.constants |= {source.span(node.value): text} if text is not None else {}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and self._reads_it(source, node) and not in_text(source, node):
                self._settle(source, node, found)
        self._decorators(source, found)
        return found

    def _decorators(self, source: Source, found: Found) -> None:
        """With the flag on, a decorator that asks for it does nothing; with the flag off its function never runs."""
        for node, row, key, _ in self.known.reads.decorators(source):
            if key != self.known.flag:
                continue
            if (self.known.value is True) is not row.negated and isinstance(self.known.value, bool):
                found.dropped.add(source.span(node))
                found.decorators.append(source.place(node))
            else:
                found.left.append(Left(source.place(node), DECORATED))

    def _reads_it(self, source: Source, node: ast.Call) -> bool:
        read = self.known.reads.of(source, node, self.known.text)
        return read is not None and read.key == self.known.flag

    def _settle(self, source: Source, node: ast.Call, found: Found) -> None:
        """Whether a read goes: its answer is known, and so is every use of it."""
        read = self.known.reads.of(source, node, self.known.text)
        above = source.parents.get(node)
        outer = above if isinstance(above, ast.Await) else node
        doubt = self.known.doubts.get(node) or self.known.is_kept(source, node)
        worth = self.known.of(source, outer)
        if read is None or doubt or worth is None:
            found.left.append(Left(source.place(node), doubt or AS_A_WHOLE))
            return
        if isinstance(worth, Answer) and not self._used_up(source, outer, found):
            found.left.append(Left(source.place(node), AS_A_WHOLE))
            for span in self._around(source, outer):
                found.values.pop(span, None)
            return
        found.reads.append(read)

    def _used_up(self, source: Source, node: ast.AST, found: Found) -> bool:
        above = source.parents.get(node)
        if above is not None and isinstance(self.known.of(source, above), bool | str):
            return True
        if isinstance(above, ast.Expr):
            found.dropped.add(source.span(node))
            return True
        target = above.targets[0] if isinstance(above, ast.Assign) else getattr(above, "target", None)
        uses = self.known.uses(source, target) if isinstance(target, ast.Name) else None
        if uses is None or not isinstance(above, ast.Assign | ast.AnnAssign):
            return False
        known = all(isinstance(self.known.of(source, source.parents[one]), bool | str) for one in uses)
        if known:
            found.dropped.add(source.span(node))
        return known

    def _around(self, source: Source, node: ast.AST) -> list[Span]:
        """Where an answer that stays is read: nothing of it is known then."""
        above = source.parents.get(node)
        target = above.targets[0] if isinstance(above, ast.Assign) else getattr(above, "target", None)
        uses = self.known.uses(source, target) if isinstance(target, ast.Name) else None
        return [source.span(source.parents[one]) for one in uses or ()]
