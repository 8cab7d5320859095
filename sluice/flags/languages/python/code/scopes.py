"""Which binding a name of a Python module stands for, by Python's own rules of scopes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(eq=False, slots=True)
class Scope:
    """A module, class, function, lambda or comprehension.

    Attributes:
        node: what opens it.
        parent: the scope around it.
        names: what binds each name here: a Name that is stored to, an argument, an alias of an import, a definition.
        uses: the loads that mean each of its names, also from scopes inside it.
    """

    node: ast.AST
    parent: Scope | None
    names: dict[str, list[ast.AST]] = field(default_factory=dict)
    uses: dict[str, list[ast.Name]] = field(default_factory=dict)
    elsewhere: dict[str, Scope] = field(default_factory=dict)

    def bind(self, name: str, node: ast.AST) -> None:
        """One more binding of a name, in the scope that a `global` or `nonlocal` names where there is one."""
        self.elsewhere.get(name, self).names.setdefault(name, []).append(node)


class Scopes(ast.NodeVisitor):
    """The scopes of one module.

    Attributes:
        module: the module's own.
        owner: for each name that is loaded the scope that binds it; None for a builtin or what a star import brings.
        of: for each node that opens a scope its scope.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.owner: dict[ast.Name, Scope | None] = {}
        self.of: dict[ast.AST, Scope] = {tree: self.module}
        self._now = self.module
        self._loads: list[tuple[ast.Name, Scope]] = []
        for statement in tree.body:
            self.visit(statement)
        for name, scope in self._loads:
            found = self._owner_of(name.id, scope)
            self.owner[name] = found
            if found is not None:
                found.uses.setdefault(name.id, []).append(name)

    def _owner_of(self, name: str, start: Scope) -> Scope | None:
        scope: Scope | None = start
        while scope is not None:
            if name in scope.elsewhere:
                return scope.elsewhere[name]
            if name in scope.names and (scope is start or not isinstance(scope.node, ast.ClassDef)):
                return scope
            scope = scope.parent
        return None

    def _inside(self, node: ast.AST, parts: list[ast.AST]) -> None:
        outer, self._now = self._now, Scope(node, self._now)
        self.of[node] = self._now
        for part in parts:
            self.visit(part)
        self._now = outer

    def visit_Name(self, node: ast.Name) -> None:
        """A load is resolved when all bindings are known."""
        if isinstance(node.ctx, ast.Load):
            self._loads.append((node, self._now))
        else:
            self._now.bind(node.id, node)

    def visit_FunctionDef(self, node: Function) -> None:
        """Decorators, defaults and annotations belong to the scope around it."""
        self._now.bind(node.name, node)
        args = node.args
        outside = [*node.decorator_list, *args.defaults, *(one for one in args.kw_defaults if one)]
        notes = [one.annotation for one in _arguments(args) if one.annotation]
        for part in (*outside, *notes, *((node.returns,) if node.returns else ())):
            self.visit(part)
        self._inside(node, [*_arguments(args), *node.body])

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - ast's name  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A function of one expression."""
        for part in (*node.args.defaults, *(one for one in node.args.kw_defaults if one)):
            self.visit(part)
        self._inside(node, [*_arguments(node.args), node.body])

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter is bound by every call."""
        self._now.bind(node.arg, node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Its names are not seen from the functions in it."""
        self._now.bind(node.name, node)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._inside(node, list(node.body))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.visit(node.generators[0].iter)
        parts: list[ast.AST] = []
        for index, generator in enumerate(node.generators):
            parts += [*([generator.iter] if index else []), generator.target, *generator.ifs]
        parts += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside(node, parts)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """In a comprehension it binds in the scope around that."""
        scope = self._now
        while isinstance(scope.node, COMPREHENSIONS) and scope.parent:
            scope = scope.parent
        scope.bind(node.target.id, node.target)
        self.visit(node.value)

    def visit_Global(self, node: ast.Global) -> None:
        """Its names are the module's."""
        self._now.elsewhere |= dict.fromkeys(node.names, self.module)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Its names are those of a function around it."""
        for name in node.names:
            found = self._owner_of(name, self._now.parent) if self._now.parent else None
            self._now.elsewhere[name] = found or self.module

    def visit_alias(self, node: ast.alias) -> None:
        """What an import brings."""
        self._now.bind(node.asname or node.name.partition(".")[0], node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """`except … as name` binds it for the handler."""
        if node.name:
            self._now.bind(node.name, node)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """A pattern that captures."""
        if node.name:
            self._now.bind(node.name, node)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """A pattern that captures the rest."""
        if node.name:
            self._now.bind(node.name, node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """A pattern that may capture the rest."""
        if node.rest:
            self._now.bind(node.rest, node)
        self.generic_visit(node)


def _arguments(args: ast.arguments) -> list[ast.arg]:
    stars = [one for one in (args.vararg, args.kwarg) if one]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *stars]
