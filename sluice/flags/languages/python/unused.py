"""What only the removed code used: imports, variables, functions, classes, constants, members of enums, and their tests.

Only what the removed code named is considered, and it goes only where nothing else in the whole repository names it, also no
text that may name it at run time, and where leaving it out does nothing by itself.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from sluice.flags.languages.python.code.quiet import (
    is_quiet_class,
    is_quiet_function,
    is_quiet_module,
    is_quiet_value,
)
from sluice.flags.languages.python.code.repository import Repository
from sluice.flags.languages.python.code.scopes import Definition, Function, Scope
from sluice.flags.languages.python.code.source import Source, Span, is_test
from sluice.flags.languages.python.code.uses import Uses, defined, in_all
from sluice.flags.languages.python.edits.cut import Cuts

Way = tuple[str, ...]


def words_of(source: Source) -> Counter[str]:
    """How often a file names each word."""
    found: Counter[str] = Counter()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name):
            found[node.id] += 1
        elif isinstance(node, ast.Attribute):
            found[node.attr] += 1
        elif isinstance(node, ast.arg):
            found[node.arg] += 1
    return found


class Unused:
    """One look at a repository from which code went.

    Attributes:
        before: the repository as it was.
        now: as it is.
        lost: the words that each changed file names less often than before.
    """

    def __init__(self, before: Repository, now: Repository, changed: set[str]) -> None:
        self.before = before
        self.now = now
        self.uses = Uses(now)
        self.lost: dict[str, set[str]] = {}
        for path in sorted(changed):
            old, new = before.source(path), now.source(path) if path in now.files else None
            if old is not None:
                less = words_of(old) - (words_of(new) if new else Counter())
                self.lost[path] = set(less)

    def cuts(self) -> dict[str, Cuts]:
        """What goes now, by file; more may go once that is gone."""
        found: dict[str, Cuts] = {}
        for path, words in self.lost.items():
            source = self.now.source(path) if path in self.now.files else None
            if source is not None:
                found.setdefault(path, Cuts()).add(self._in_file(source, words))
                found[path].statements |= self._emptied_tests(path, source)
        for path, way in sorted(self._definitions()):
            source = self.now.source(path) if path in self.now.files else None
            node = defined(source, way) if source else None
            if source is None or node is None:
                continue
            tests = self._unneeded(source, node, way)
            if tests is not None:
                found.setdefault(path, Cuts()).statements.add(_start(source.span(node)))
                for place, test in tests:
                    found.setdefault(place.path, Cuts()).statements.add(_start(place.span(test)))
        return {path: cuts for path, cuts in found.items() if cuts}

    def _in_file(self, source: Source, words: set[str]) -> Cuts:
        """Imports and local variables that nothing uses any more."""
        cuts = Cuts()
        for scope in source.scopes.of.values():
            for name, bound in scope.names.items():
                if name not in words or scope.uses.get(name):
                    continue
                if all(isinstance(node, ast.alias) for node in bound) and self._import_goes(source, scope, name):
                    cuts.names |= {_start(source.span(node)) for node in bound if len(bound) == 1}
                elif isinstance(scope.node, Function):
                    cuts.statements |= self._variable(source, scope, name)
        return cuts

    def _emptied_tests(self, path: str, source: Source) -> set[tuple[int, int]]:
        """Tests of which nothing is left."""
        old = self.before.source(path) if is_test(path) else None
        goes = set()
        for node in source.tree.body if old else ():
            if isinstance(node, Function) and node.name.startswith("test") and _does_nothing(node):
                was = defined(old, (node.name,)) if old else None
                if isinstance(was, Function) and not _does_nothing(was):
                    goes.add(_start(source.span(node)))
        return goes

    def _import_goes(self, source: Source, scope: Scope, name: str) -> bool:
        node = scope.names[name][0]
        above = source.parents.get(node)
        if source.path.endswith("__init__.py") or in_all(source, name) or _is_meant(source, node):
            return False
        if isinstance(scope.node, ast.ClassDef) or isinstance(source.parents.get(above or node), ast.Try):
            return False
        if isinstance(above, ast.ImportFrom) and above.module == "__future__":
            return False
        if any(self._means(path, node, source) for path, node in self.uses.of(name)):
            return False
        return is_quiet_module(self.now, source, node)

    def _means(self, path: str, node: ast.AST | None, source: Source) -> bool:
        """Whether a use of an imported name means the one in this file: here a text, elsewhere what names the file too."""
        if path == source.path:
            return isinstance(node, ast.Constant | ast.Global | ast.Nonlocal)
        other = self.now.source(path) if path in self.now.paths else None
        stem = source.path.removesuffix(".py").rpartition("/")[2]
        if other is None:
            return stem in self.now.files[path]
        above = other.parents.get(node) if node is not None else None
        if isinstance(node, ast.alias):
            return isinstance(above, ast.ImportFrom) and (above.module or stem).rpartition(".")[2] == stem
        if isinstance(node, ast.Attribute):
            return getattr(node.value, "attr", getattr(node.value, "id", "")) == stem
        return isinstance(node, ast.Constant) and stem in str(node.value)

    def _variable(self, source: Source, scope: Scope, name: str) -> set[tuple[int, int]]:
        """The assignments of a local variable that is never read, where computing it does nothing."""
        if any(isinstance(node, ast.Name) and node.id in {"locals", "vars", "exec", "eval"} for node in _names(scope)):
            return set()
        statements = [source.parents.get(node) for node in scope.names[name]]
        goes = set()
        for node, statement in zip(scope.names[name], statements, strict=True):
            single = isinstance(statement, ast.Assign) and statement.targets == [node]
            if not single and not (isinstance(statement, ast.AnnAssign) and statement.target is node):
                return set()
            value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
            if not is_quiet_value(self.now, source, value) or source.scope_of(node) is not scope:
                return set()
            goes.add(_start(source.span(statement))) if statement else None
        return goes

    def _definitions(self) -> set[tuple[str, Way]]:
        """What the lost words stood for, by file and name."""
        found: set[tuple[str, Way]] = set()
        for path, words in self.lost.items():
            old = self.before.source(path)
            for node in ast.walk(old.tree) if old else ():
                word = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
                if old is None or word not in words:
                    continue
                symbol = self.before.symbol(old, node)
                if symbol is None or isinstance(symbol.node, ast.Module | ast.arg):
                    continue
                owner = (symbol.owner.name,) if symbol.owner else ()
                name = _name(symbol.node)
                top = symbol.source.scope_of(symbol.owner or symbol.node) is symbol.source.scopes.module
                tried = is_test(path) and not is_test(
                    symbol.source.path
                )  # a test that went says nothing of what it tried
                if name and top and not tried:
                    found.add((symbol.source.path, (*owner, name)))
        return found

    def _unneeded(self, source: Source, node: ast.AST, way: Way) -> list[tuple[Source, Definition]] | None:
        """The tests that go with a definition that nothing else uses; None where it stays."""
        name = way[-1]
        if not self._may_go(source, node, way) or self.uses.may_be_composed(name) or self.uses.looks_up(source):
            return None
        tests: list[tuple[Source, Definition]] = []
        for path, use in self.uses.of(name):
            other = self.now.source(path) if path in self.now.paths else None
            if other is None or use is None:
                return None
            if other is source and (use is node or _within(source, use, node)):
                continue
            if is_test(path) and isinstance(use, ast.alias):
                continue
            test = _test_around(other, use) if is_test(path) else None
            if test is None or self._tests_more(other, test, name):
                return None
            if (other, test) not in tests:
                tests.append((other, test))
        return tests

    def _may_go(self, source: Source, node: ast.AST, way: Way) -> bool:
        name = way[-1]
        if name.startswith("__") or name in {"main", "setup", "_"} or in_all(source, way[0]):
            return False
        if len(way) == 1 and source.path.endswith("__init__.py") and not name.startswith("_"):
            return False
        if isinstance(node, Function):
            owner = defined(source, way[:1]) if len(way) > 1 else None
            plain = owner is None or (isinstance(owner, ast.ClassDef) and is_quiet_class(self.now, source, owner))
            return plain and is_quiet_function(node)
        if isinstance(node, ast.ClassDef):
            return is_quiet_class(self.now, source, node)
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if len(way) > 1:
            return isinstance(value, ast.Constant) and self._only_by_member(way[0])
        return is_quiet_value(self.now, source, value)

    def _only_by_member(self, owner: str) -> bool:
        """Whether a class of constants is only used as `Owner.MEMBER`: one that is gone through would be shorter."""
        for path, node in self.uses.of(owner):
            other = self.now.source(path) if path in self.now.paths else None
            if other is None or node is None:
                return False
            above = other.parents.get(node)
            if isinstance(node, ast.Name) and not (isinstance(above, ast.Attribute) and above.attr != "__members__"):
                return False
            if not isinstance(node, ast.Name | ast.alias | ast.ClassDef):
                return False
        return True

    def _tests_more(self, source: Source, test: Definition, name: str) -> bool:
        """Whether a test also tries code that stays: then it says something of that, and stays too."""
        if test.decorator_list:
            return True
        for node in ast.walk(test):
            if isinstance(node, ast.Name | ast.Attribute):
                word = node.id if isinstance(node, ast.Name) else node.attr
                symbol = self.now.symbol(source, node) if word != name else None
                if symbol and isinstance(symbol.node, Definition) and not is_test(symbol.source.path):
                    return True
        return False


def _start(span: Span) -> tuple[int, int]:
    return span[0], span[1]


def _name(node: ast.AST) -> str:
    if isinstance(node, Definition):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else ""


def _names(scope: Scope) -> Iterator[ast.AST]:
    return ast.walk(scope.node)


def _does_nothing(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(isinstance(one, ast.Pass) for one in function.body[int(ast.get_docstring(function) is not None) :])


def _within(source: Source, node: ast.AST, outer: ast.AST) -> bool:
    above: ast.AST | None = node
    while above is not None and above is not outer:
        above = source.parents.get(above)
    return above is outer


def _is_meant(source: Source, node: ast.AST) -> bool:
    """Whether a comment says that an import stays though nothing uses it."""
    first, _, last, _ = source.span(source.parents.get(node) or node)
    return any("noqa: F401" in line or "pragma: keep" in line for line in source.lines[first - 1 : last])


def _test_around(source: Source, node: ast.AST) -> Definition | None:
    """The test function at the top of a file that a node stands in."""
    for one in source.tree.body:
        if isinstance(one, Function) and one.name.startswith("test") and _within(source, node, one):
            return one
    return None
