"""Expressions with the flag's value put in: `not`, `and`, `or`, comparisons, conditional expressions and patterns."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from sluice.flags.languages.python.code.pure import is_pure
from sluice.flags.languages.python.code.source import Span

Statement = cst.BaseStatement
ATOMS = (cst.Name, cst.Call, cst.Attribute, cst.Subscript, cst.SimpleString, cst.Integer)


class Conditions(cst.CSTTransformer):
    """The part of the walk that knows expressions.

    Attributes:
        places: where each node stands.
        values: what is known, by where it stands.
        constants: the texts that patterns of `match` name, by where they stand.
        stuck: conditions that are decided, but of which a part still has to be done.
        used: the places of what was put in.
    """

    def __init__(
        self,
        places: Mapping[cst.CSTNode, Span],
        values: Mapping[Span, bool | str],
        constants: Mapping[Span, str],
    ) -> None:
        super().__init__()
        self.places = places
        self.constants = constants
        self.values = values
        self.used: set[Span] = set()
        self.stuck: list[Span] = []
        self.lines: list[str] = []
        self._around: list[str] = []
        self._known: dict[int, tuple[cst.BaseExpression, bool | str]] = {}

    def truth(self, node: cst.BaseExpression) -> bool | str | None:
        """What an expression was found to be; None for all that the code itself writes."""
        known = self._known.get(id(node))
        return known[1] if known else None

    def literal(self, value: bool | str, like: cst.BaseExpression | None = None) -> cst.BaseExpression:
        """A known value as code."""
        node: cst.BaseExpression = (
            cst.Name(str(value)) if isinstance(value, bool) else cst.SimpleString(self._quoted(value))
        )
        if like is not None:
            node = node.with_changes(lpar=like.lpar, rpar=like.rpar)
        self._known[id(node)] = (node, value)
        return node

    def _quoted(self, value: str) -> str:
        """A text as code, with the quotes that the f-string around it does not have."""
        text = repr(value)
        if self._around:
            return text.replace("'", '"') if self._around[-1] == "'" else text
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        """Its quotes: none of these may stand inside."""
        self._around.append(node.start[-1])

    def leave_FormattedStringExpression(
        self, original_node: cst.FormattedStringExpression, updated_node: cst.FormattedStringExpression
    ) -> cst.BaseFormattedStringContent:
        """A plain text that came in place of a condition is a part of the text around it."""
        new = updated_node.expression
        plain = updated_node.conversion is None and updated_node.format_spec is None and updated_node.equal is None
        if isinstance(new, cst.SimpleString) and not isinstance(original_node.expression, cst.SimpleString) and plain:
            text = new.raw_value if not new.prefix else ""
            if text and not re.search(r"""[{}\\'"\n]""", text):
                return cst.FormattedStringText(text)
        return updated_node

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.BaseExpression:
        """One in which nothing is put in any more is a plain text."""
        parts = updated_node.parts
        text = "".join(one.value for one in parts if isinstance(one, cst.FormattedStringText))
        had = any(isinstance(one, cst.FormattedStringExpression) for one in original_node.parts)
        if not had or any(isinstance(one, cst.FormattedStringExpression) for one in parts) or re.search("[{}]", text):
            return updated_node
        start = re.sub("[fF]", "", updated_node.start)
        return cst.SimpleString(start + text + updated_node.end, lpar=updated_node.lpar, rpar=updated_node.rpar)

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """A node whose worth is known becomes it; all others are walked as usual."""
        if isinstance(original_node, cst.FormattedString):
            self._around.pop()
        if isinstance(original_node, cst.BaseExpression):
            span = self.places.get(original_node)
            if span is not None and span in self.values:
                self.used.add(span)
                return self.literal(self.values[span], updated_node)
        return super().on_leave(original_node, updated_node)

    def leave_UnaryOperation(
        self, original_node: cst.UnaryOperation, updated_node: cst.UnaryOperation
    ) -> cst.BaseExpression:
        """`not` of what is known."""
        inner = self.truth(updated_node.expression)
        negated = isinstance(updated_node.operator, cst.Not) and inner is not None
        return self.literal(not inner, updated_node) if negated else updated_node

    def leave_BooleanOperation(
        self, original_node: cst.BooleanOperation, updated_node: cst.BooleanOperation
    ) -> cst.BaseExpression:
        """A known operand on the left decides, or leaves the one on the right."""
        left = self.truth(updated_node.left)
        if left is None:
            return updated_node
        decides = bool(left) is isinstance(updated_node.operator, cst.Or)
        return self.in_place(updated_node.left if decides else updated_node.right, updated_node, original_node)

    def leave_IfExp(self, original_node: cst.IfExp, updated_node: cst.IfExp) -> cst.BaseExpression:
        """The value that is taken."""
        test, first = self.condition(updated_node.test)
        truth = self.truth(test)
        if first:
            self.stuck.append(self.places[original_node])
        if truth is None or first:
            return updated_node if first or test is updated_node.test else updated_node.with_changes(test=test)
        return self.in_place(updated_node.body if truth else updated_node.orelse, updated_node, original_node)

    def in_place(
        self, node: cst.BaseExpression, of: cst.BaseExpression, original: cst.BaseExpression | None = None
    ) -> cst.BaseExpression:
        """An expression where a larger one stood, in that one's parentheses where it or the line needs them."""
        known = self.truth(node)
        if not of.lpar or (isinstance(node, ATOMS) and original is not None and self._stands_free(original)):
            return node
        node = node.with_changes(lpar=[*of.lpar, *node.lpar], rpar=[*node.rpar, *of.rpar])
        if known is not None:
            self._known[id(node)] = (node, known)
        return node

    def _stands_free(self, node: cst.BaseExpression) -> bool:
        """Whether a node's one pair of parentheses can go: on one line, with nothing touching it that would then run on."""
        first, begin, last, end = self.places[node]
        line = self.lines[first - 1] if first == last and first <= len(self.lines) else ""
        before, after = line[: begin - 1], line[end + 1 :]
        inside = line[begin - 1 : begin] == "(" and line[end : end + 1] == ")" and len(node.lpar) == 1
        return (
            inside
            and before[-1:] in {" ", "(", "[", "{", ",", "="}
            and after[:1] in {"", " ", ")", "]", "}", ",", ":", "."}
        )

    def condition(self, node: cst.BaseExpression) -> tuple[cst.BaseExpression, list[Statement]]:
        """A condition where only its truth counts: simplified, with what still has to be done before it is decided."""
        if not isinstance(node, cst.BooleanOperation) or self.truth(node) is not None:
            return node, []
        left, before = self.condition(node.left)
        decided = self.truth(left)
        if decided is not None:
            if bool(decided) is isinstance(node.operator, cst.Or):
                return left, before
            right, after = self.condition(node.right)
            return right, [*before, *after]
        right, after = self.condition(node.right)
        known = self.truth(right)
        if after:
            return node, []
        if known is None:
            same = left is node.left and right is node.right
            return (node if same else node.with_changes(left=left, right=right)), before
        if bool(known) is isinstance(node.operator, cst.And):
            return self.in_place(left, node), before
        if is_pure(_tree(left)):
            return self.literal(bool(known)), before
        return self.literal(bool(known)), [*before, cst.SimpleStatementLine([cst.Expr(left)])]

    def fitting(
        self, originals: Sequence[cst.MatchCase], cases: Sequence[cst.MatchCase], subject: bool | str
    ) -> tuple[list[cst.MatchCase], bool]:
        """The cases that a value may meet, and whether the first of them is the one that runs."""
        kept: list[cst.MatchCase] = []
        for original, case in zip(originals, cases, strict=True):
            fits = self._fits(original.pattern, case.pattern, subject)
            if fits is False:
                continue
            kept.append(case)
            if fits and case.guard is None:
                return kept, len(kept) == 1
        return kept, False

    def _fits(self, original: cst.MatchPattern, pattern: cst.MatchPattern, subject: bool | str) -> bool | None:
        if isinstance(pattern, cst.MatchValue) and isinstance(original, cst.MatchValue):
            value = _value(pattern.value)
            span = self.places.get(original.value)
            value = self.constants.get(span) if value is None and span is not None else value
            return None if value is None else value == subject
        if isinstance(pattern, cst.MatchSingleton):
            return _value(pattern.value) is subject if pattern.value.value != "None" else False
        if isinstance(pattern, cst.MatchOr) and isinstance(original, cst.MatchOr):
            each = [
                self._fits(before.pattern, one.pattern, subject)
                for before, one in zip(original.patterns, pattern.patterns, strict=True)
            ]
            return True if True in each else None if None in each else False
        if isinstance(pattern, cst.MatchAs) and pattern.pattern is None and pattern.name is None:
            return True
        return None


def _tree(node: cst.BaseExpression) -> ast.AST:
    return ast.parse(f"({cst.Module([]).code_for_node(node)}\n)", mode="eval").body


def _value(node: cst.BaseExpression) -> object:
    tree = _tree(node)
    return tree.value if isinstance(tree, ast.Constant) else None
