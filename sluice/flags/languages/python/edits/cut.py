"""Statements, names of imports, decorators and parameters cut out of a file by where they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from sluice.flags.languages.python.code.source import BOM, Span
from sluice.flags.languages.python.edits.fold import Fold

Start = tuple[int, int]


@dataclass(slots=True)
class Cuts:
    """What goes from one file, by where it begins.

    Attributes:
        statements: definitions and simple statements; of a definition with decorators, where its own line begins.
        names: single names of imports.
        decorators: what stands after the `@`.
        parameters: of functions, by where they stand.
        items: of lists, tuples and calls (arguments), by where they stand.
        opened: `with` statements whose body takes their place.
    """

    statements: set[Start] = field(default_factory=set)
    names: set[Start] = field(default_factory=set)
    decorators: set[Start] = field(default_factory=set)
    parameters: set[Start] = field(default_factory=set)
    items: set[Start] = field(default_factory=set)
    opened: set[Start] = field(default_factory=set)

    def __bool__(self) -> bool:
        return any((self.statements, self.names, self.decorators, self.parameters, self.items, self.opened))

    def add(self, other: Cuts) -> None:
        """All of another one's as well."""
        for kind in Cuts.__dataclass_fields__:
            getattr(self, kind).update(getattr(other, kind))


def cut(text: str, cuts: Cuts) -> str:
    """The text without what is cut."""
    mark = BOM if text.startswith(BOM) else ""
    wrapper = MetadataWrapper(cst.parse_module(text.removeprefix(BOM)), unsafe_skip_copy=True)
    places = {
        node: (where.start.line, where.start.column, where.end.line, where.end.column)
        for node, where in wrapper.resolve(PositionProvider).items()
    }
    return mark + wrapper.module.visit(_Cut(places, cuts)).code


class _Cut(Fold):
    """The walk; blocks and comments are kept in order by Fold."""

    def __init__(self, places: Mapping[cst.CSTNode, Span], cuts: Cuts) -> None:
        super().__init__(places, {}, set(), {})
        self.cuts = cuts

    def _in(self, node: cst.CSTNode, among: Collection[Start]) -> bool:
        return bool(among) and self.places[node][:2] in among

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """Small statements and definitions by where they begin."""
        updated = super().on_leave(original_node, updated_node)
        if isinstance(original_node, cst.BaseSmallStatement) and self._in(original_node, self.cuts.statements):
            return cst.RemoveFromParent()
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef) and self._defined(original_node):
            return self._nothing(original_node.leading_lines)
        compound = isinstance(original_node, cst.With | cst.If)
        if compound and self._in(original_node, self.cuts.statements):
            return self._nothing(original_node.leading_lines)
        if isinstance(original_node, cst.With) and self._in(original_node, self.cuts.opened):
            return self._spliced(original_node.leading_lines, updated.body)
        return updated

    def _defined(self, node: cst.FunctionDef | cst.ClassDef) -> bool:
        """`ast` counts a definition from its `def` or `class`, LibCST from its first decorator."""
        line, column, *_ = self.places[node.name]
        word = "class " if isinstance(node, cst.ClassDef) else "def "
        before = "async " if isinstance(node, cst.FunctionDef) and node.asynchronous else ""
        return bool(self.cuts.statements) and (line, column - len(word) - len(before)) in self.cuts.statements

    def leave_Decorator(self, original_node: cst.Decorator, updated_node: cst.Decorator) -> Any:
        """One decorator."""
        gone = self._in(original_node.decorator, self.cuts.decorators)
        return cst.RemoveFromParent() if gone else updated_node

    def leave_Param(self, original_node: cst.Param, updated_node: cst.Param) -> Any:
        """One parameter."""
        return cst.RemoveFromParent() if self._in(original_node, self.cuts.parameters) else updated_node

    def leave_Parameters(self, original_node: cst.Parameters, updated_node: cst.Parameters) -> Any:
        """No comma after the last one that stays, where it had one only because of what followed."""
        params = list(updated_node.params)
        if params and len(params) < len(original_node.params) and params[-1] is not original_node.params[-1]:
            params[-1] = params[-1].with_changes(comma=original_node.params[-1].comma)
        return updated_node.with_changes(params=params)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> Any:
        """One argument of a call."""
        return cst.RemoveFromParent() if self._in(original_node, self.cuts.items) else updated_node

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> Any:
        """The last argument that stays ends as the last one did."""
        args = list(updated_node.args)
        if args and len(args) < len(original_node.args):
            last = original_node.args[-1]
            args[-1] = args[-1].with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
        return updated_node.with_changes(args=args)

    def leave_Element(self, original_node: cst.Element, updated_node: cst.Element) -> Any:
        """One member of a list or tuple."""
        value = original_node.value
        gone = self._in(
            value.lpar[0] if value.lpar else value, self.cuts.items
        )  # ast counts a tuple from its parenthesis
        return cst.RemoveFromParent() if gone else updated_node

    def leave_List(self, original_node: cst.List, updated_node: cst.List) -> Any:
        """The last member that stays ends as the last one did."""
        elements = list(updated_node.elements)
        if elements and len(elements) < len(original_node.elements):
            elements[-1] = elements[-1].with_changes(comma=original_node.elements[-1].comma)
        return updated_node.with_changes(elements=elements)

    def leave_Tuple(self, original_node: cst.Tuple, updated_node: cst.Tuple) -> Any:
        """A pair that lost one member is written without its parentheses: the member itself."""
        elements = list(updated_node.elements)
        if len(elements) == len(original_node.elements) or not elements:
            return updated_node
        if len(elements) == 1:
            return elements[0].value
        return updated_node.with_changes(
            elements=[*elements[:-1], elements[-1].with_changes(comma=original_node.elements[-1].comma)]
        )

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        """Its names are looked at together: an import without any, or with a comma too much, is none."""
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        """As above."""
        return False

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> Any:
        """An import of which nothing is left goes; else its last name ends as the last one did."""
        return self._import(updated_node)

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> Any:
        """An import of which nothing is left goes."""
        return self._import(updated_node)

    def _import(self, node: Any) -> Any:
        if isinstance(node.names, cst.ImportStar):
            return node
        names = [one for one in node.names if not self._in(one, self.cuts.names)]
        if not names:
            return cst.RemoveFromParent()
        if len(names) == len(node.names):
            return node
        return node.with_changes(names=[*names[:-1], names[-1].with_changes(comma=node.names[-1].comma)])

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> Any:
        """`if TYPE_CHECKING:` with nothing left in it."""
        empty = id(updated_node.body) in self._emptied and updated_node.orelse is None
        plain = isinstance(updated_node.test, cst.Name | cst.Attribute)
        if empty and plain and original_node not in self._elifs:
            return self._nothing(updated_node.leading_lines)
        return super().leave_If(original_node, updated_node)
