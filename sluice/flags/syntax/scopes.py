"""Which declaration a name means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ast_grep_py import SgNode

from sluice.flags.syntax.text.tree import Span, Tree, ancestors, inside, span


@dataclass(frozen=True)
class Binding:
    """A name that a declaration brings into a scope."""

    name: str
    leaf: SgNode
    """The name where it is declared."""
    declaration: SgNode
    scope: SgNode

    @cached_property
    def at(self) -> Span:
        """Where the name stands."""
        return span(self.leaf)


class Scopes:
    """The declarations of one tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.facts = tree.facts

    @property
    def _by_name(self) -> dict[str, list[Binding]]:
        kept = self.tree.kept
        if "declarations" not in kept:
            kept["declarations"] = self._declared()
        found: dict[str, list[Binding]] = kept["declarations"]
        return found

    def _declared(self) -> dict[str, list[Binding]]:
        found: dict[str, list[Binding]] = {}
        places: set[Span] = set()
        for node in self.tree.find(self.facts.bindings):
            for leaf in self._leaves(node):
                one = Binding(leaf.text(), leaf, node, self._scope(node))
                if one.at not in places:
                    places.add(one.at)
                    found.setdefault(one.name, []).append(one)
        return found

    def _leaves(self, node: SgNode) -> list[SgNode]:
        """The names that a declaration brings in: those in its fields, without default values and keys."""
        found = []
        for field in self.facts.bindings[node.kind()]:
            for part in node.field_children(field) if field else [node]:
                found += self._pattern(part)
        return found

    def _pattern(self, node: SgNode) -> list[SgNode]:
        if node.is_leaf():
            return [node] if node.kind() in self.facts.names else []
        right = node.field("right") or node.field("value") if node.kind().endswith("assignment_pattern") else None
        key = node.field("key")
        skipped = [span(one) for one in (right, key) if one is not None]
        skipped += [span(one) for one in node.children() if one.kind() == "type_annotation"]
        return [leaf for part in node.children() if span(part) not in skipped for leaf in self._pattern(part)]

    def _scope(self, node: SgNode) -> SgNode:
        start = node
        if node.kind() in self.facts.functions and (above := node.parent()) is not None:
            if above.kind() in self.facts.scopes:
                return above
            start = above
        hoisted = node.kind() == "variable_declarator" and _kind_of(node) == "variable_declaration"
        wanted = self.facts.functions if hoisted else self.facts.scopes
        return next((above for above in ancestors(start) if above.kind() in wanted), self.tree.root)

    def of(self, name: str) -> list[Binding]:
        """Every declaration of a name."""
        return self._by_name.get(name, [])

    @property
    def all(self) -> list[Binding]:
        """Every declaration."""
        return [one for several in self._by_name.values() for one in several]

    def meant(self, leaf: SgNode) -> Binding | None:
        """The declaration that a name means; None where it is not declared in this text."""
        at = span(leaf)
        best: Binding | None = None
        for one in self.of(leaf.text()):
            if one.at == at:
                return one
            if not inside(at, one.scope) or (self._comes_later(one, at)):
                continue
            if best is None or _is_nearer(one, best):
                best = one
        return best

    def _comes_later(self, one: Binding, at: Span) -> bool:
        if not self.facts.ordered or one.declaration.kind() in self.facts.functions:
            return False
        local = any(above.kind() in self.facts.functions for above in ancestors(one.declaration))
        return local and at[0] < span(one.declaration)[1] and not self._in_head(one)

    def _in_head(self, one: Binding) -> bool:
        """Whether it is a parameter: in scope from where it stands."""
        return "parameter" in one.declaration.kind()

    def uses(self, binding: Binding) -> list[SgNode]:
        """Each place, other than its declaration, that means this one."""
        found = []
        for leaf in self.tree.named(binding.name):
            if leaf.kind() not in self.facts.identifiers or span(leaf) == binding.at or not self.facts.variable(leaf):
                continue
            meant = self.meant(leaf)
            if meant is not None and meant.at == binding.at:
                found.append(leaf)
        return found

    def again(self, binding: Binding) -> list[Binding]:
        """Other declarations of the name in the very scope: in Go, assignments."""
        return [one for one in self.of(binding.name) if one.at != binding.at and span(one.scope) == span(binding.scope)]

    def is_written(self, leaf: SgNode) -> bool:
        """Whether a name is assigned here, or its address is taken."""
        for above in ancestors(leaf):
            if above.kind() in self.facts.writes:
                fields = self.facts.writes[above.kind()]
                parts = [part for one in fields for part in above.field_children(one)] if fields else [above]
                if any(inside(leaf, part) for part in parts) and _is_target(leaf, above):
                    return True
            if above.kind() in self.facts.lists:
                return False
        return False


def _is_target(leaf: SgNode, write: SgNode) -> bool:
    """Whether the name itself is written, not a member of it: `a.b = 1` leaves `a` as it was."""
    if write.kind() == "unary_expression":
        sign = write.field("operator")
        return sign is not None and sign.text() == "&"
    for above in ancestors(leaf):
        if span(above) == span(write):
            return True
        if above.kind() in {"member_expression", "selector_expression", "field_access", "index_expression"}:
            return False
        if above.kind() in {"subscript_expression", "array_access", "call_expression", "method_invocation"}:
            return False
    return True


def _is_nearer(one: Binding, other: Binding) -> bool:
    first, second = span(one.scope), span(other.scope)
    if first == second:
        return one.at > other.at
    return inside(first, second)


def _kind_of(declarator: SgNode) -> str:
    above = declarator.parent()
    return above.kind() if above is not None else ""
