"""One Python file: its text, its syntax tree, and where its nodes stand."""

from __future__ import annotations

import ast
import re
from functools import cached_property

from sluice.flags.languages.python.code.scopes import Definition, Scope, Scopes
from sluice.flags.reference import Place

BOM = "\ufeff"
Span = tuple[int, int, int, int]
"""First line (from 1) and column (from 0, in characters), last line and the column after the last."""
_LINE_END = re.compile(r"\r\n|\r|\n")


class Source:
    """A file that could be parsed; SyntaxError or ValueError where it cannot be."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.plain = text.removeprefix(BOM)
        self.tree = ast.parse(self.plain)

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return _LINE_END.split(self.plain)

    @cached_property
    def scopes(self) -> Scopes:
        """Its scopes."""
        return Scopes(self.tree)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """For each node the one around it."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def span(self, node: ast.AST) -> Span:
        """Where a node stands, in characters: `ast` counts bytes of UTF-8."""
        first, last = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        begin, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        return first, self._characters(first, begin), last, self._characters(last, end)

    def _characters(self, line: int, bytes_: int) -> int:
        text = self.lines[line - 1]
        return bytes_ if text.isascii() else len(text.encode()[:bytes_].decode(errors="ignore"))

    def is_placed(self, node: ast.expr) -> bool:
        """Whether a part of an f-string stands where it says: older Pythons err where it has several lines.

        One whose own text is shown (`{answer=}`) is not: that text would be another one.
        """
        outer: ast.AST = node
        while (above := self.parents.get(outer)) is not None and not isinstance(above, ast.FormattedValue):
            outer = above
        if above is None or not (self._is_written(node) and self._is_written(outer)):
            return False
        _, _, last, end = self.span(outer)
        return not self.lines[last - 1][end:].lstrip(" )").startswith("=")

    def _is_written(self, node: ast.AST) -> bool:
        first, begin, last, end = self.span(node)
        if first != last or not 0 < first <= len(self.lines):
            return False
        try:
            there = ast.parse(f"({self.lines[first - 1][begin:end]})", mode="eval").body
        except SyntaxError:
            return False
        return ast.dump(there) == ast.dump(node)

    def place(self, node: ast.AST) -> Place:
        """Where a node stands, for people."""
        line, column, *_ = self.span(node)
        return Place(self.path, line, column + 1)

    def around(self, node: ast.AST, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> ast.AST | None:
        """The nearest node of a kind that a node stands in."""
        above = self.parents.get(node)
        while above is not None and not isinstance(above, kinds):
            above = self.parents.get(above)
        return above

    def function_around(self, node: ast.AST) -> Definition | None:
        """The nearest function that a node stands in."""
        found = self.around(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        return found if isinstance(found, Definition) else None

    def scope_of(self, node: ast.AST) -> Scope:
        """The scope that a node stands in."""
        above = self.parents.get(node)
        while above is not None and above not in self.scopes.of:
            above = self.parents.get(above)
        return self.scopes.of[above] if above is not None else self.scopes.module


def is_test(path: str) -> bool:
    """Whether a file holds tests, by the names that pytest and unittest look for."""
    *folders, name = path.split("/")
    named = name.startswith("test_") or name.endswith("_test.py") or name in {"conftest.py", "tests.py"}
    return named or "tests" in folders or "test" in folders
