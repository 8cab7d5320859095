"""The Python files of a repository together: what a name stands for, through imports, classes and instances."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sluice.flags.languages.python.code.scopes import Definition, Function
from sluice.flags.languages.python.code.source import Source

DEEPEST = 12
"""So many names may stand for each other before one is taken to stand for nothing that is known."""
SUFFIXES = (".py", ".pyi")


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name stands for: a module, a definition, or the assignment that makes it.

    Attributes:
        source: the file that has it.
        node: the node there.
        owner: the class of which it is a member.
    """

    source: Source
    node: ast.AST
    owner: ast.ClassDef | None = None


class Repository:
    """Texts by path; each is parsed when it is first asked for."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self._sources: dict[str, Source | None] = {}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Its Python files, in order."""
        return tuple(sorted(path for path in self.files if path.endswith(SUFFIXES)))

    def source(self, path: str) -> Source | None:
        """A file's syntax; None where it is not Python of this version."""
        if path not in self._sources:
            try:
                self._sources[path] = Source(path, self.files[path])
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._sources[path] = None
        return self._sources[path]

    def with_word(self, word: str) -> Iterator[str]:
        """The paths, of whatever language, whose text has a word."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        for path, text in self.files.items():
            if word in text and pattern.search(text):
                yield path

    @cached_property
    def _modules(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.paths:
            for dotted in self.names_of(path):
                found.setdefault(dotted, []).append(path)
        return found

    def names_of(self, path: str) -> set[str]:
        """The names by which a file may be imported: from its packages' root, from the repository's and from `src`."""
        parts = path.rpartition(".")[0].split("/")
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        first = len(parts) - 1
        while first > 0 and "/".join((*parts[:first], "__init__.py")) in self.files:
            first -= 1
        starts = {0, max(first, 0), *((1,) if parts[:1] == ["src"] else ())}
        return {".".join(parts[start:]) for start in starts if parts[start:]}

    def module(self, dotted: str) -> Source | None:
        """The file that an absolute import names; None where there is none, or more than one."""
        found = self._modules.get(dotted, [])
        return self.source(found[0]) if len(found) == 1 else None

    def imported_from(self, source: Source, node: ast.ImportFrom) -> str:
        """The absolute name of the module that an import names."""
        if not node.level:
            return node.module or ""
        folders = source.path.split("/")[: -node.level]
        return ".".join([*folders, *([node.module] if node.module else [])])

    def member(self, source: Source, name: str, depth: int = 0) -> Symbol | None:
        """What a module has by a name, where exactly one thing binds it."""
        bound = source.scopes.module.names.get(name, [])
        if len(bound) == 1:
            return self._bound(source, bound[0], depth + 1)
        if not bound and source.path.endswith("/__init__.py"):
            below = self.source_at(source.path.removesuffix("__init__.py") + name)
            return Symbol(below, below.tree) if below else None
        return None

    def source_at(self, stem: str) -> Source | None:
        """A module by its path without its end."""
        path = next((one for one in (f"{stem}.py", f"{stem}/__init__.py") if one in self.files), None)
        return self.source(path) if path else None

    def _bound(self, source: Source, node: ast.AST, depth: int) -> Symbol | None:
        if depth > DEEPEST:
            return None
        if isinstance(node, Definition):
            return Symbol(source, node)
        above = source.parents.get(node)
        if isinstance(node, ast.alias) and isinstance(above, ast.ImportFrom):
            dotted = self.imported_from(source, above)
            module = self.module(dotted)
            found = self.member(module, node.name, depth) if module else None
            below = None if found else self.module(f"{dotted}.{node.name}")
            return Symbol(below, below.tree) if below else found
        if isinstance(node, ast.alias):
            module = self.module(node.name if node.asname else node.name.partition(".")[0])
            return Symbol(module, module.tree) if module else None
        if isinstance(node, ast.arg):
            return Symbol(source, node)
        plain = isinstance(above, ast.Assign) and len(above.targets) == 1 and above.targets[0] is node
        return Symbol(source, above) if above and (plain or isinstance(above, ast.AnnAssign)) else None

    def symbol(self, source: Source, node: ast.AST, depth: int = 0) -> Symbol | None:
        """What an expression stands for, where it is a name or a chain of names and that is certain."""
        if depth > DEEPEST:
            return None
        if isinstance(node, ast.Name):
            scope = source.scopes.owner.get(node)
            bound = scope.names.get(node.id, []) if scope else []
            return self._bound(source, bound[0], depth) if len(bound) == 1 else None
        if not isinstance(node, ast.Attribute):
            return None
        whole = self._dotted_module(source, node)
        if whole:
            return Symbol(whole, whole.tree)
        base = self.symbol(source, node.value, depth + 1)
        if base and isinstance(base.node, ast.Module):
            return self.member(base.source, node.attr, depth)
        owner = self.class_of(base, depth + 1) if base else None
        return self.class_member(owner, node.attr) if owner else None

    def _dotted_module(self, source: Source, node: ast.Attribute) -> Source | None:
        parts = dotted(node)
        first = parts[0] if parts else ""
        bound = source.scopes.module.names.get(first, [])
        plain = bound and all(isinstance(one, ast.alias) and not one.asname for one in bound)
        imported = plain and all(isinstance(source.parents.get(one), ast.Import) for one in bound)
        return self.module(".".join(parts)) if imported else None

    def class_of(self, symbol: Symbol, depth: int = 0) -> Symbol | None:
        """The class that a symbol is, or of which it is an instance: assigned from a call of it, `self`, or annotated."""
        node, source = symbol.node, symbol.source
        if isinstance(node, ast.ClassDef):
            return symbol
        made: ast.AST | None = None
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            made = node.value.func
        if isinstance(node, ast.arg):
            function = source.function_around(node)
            owner = source.parents.get(function) if function else None
            if isinstance(owner, ast.ClassDef) and isinstance(function, Function) and function.args.args[:1] == [node]:
                return Symbol(source, owner)
            made = node.annotation
        found = self.symbol(source, made, depth + 1) if made is not None else None
        return found if found and isinstance(found.node, ast.ClassDef) else None

    @staticmethod
    def class_member(owner: Symbol, name: str) -> Symbol | None:
        """What a class itself has by a name, where exactly one thing binds it."""
        if not isinstance(owner.node, ast.ClassDef):
            return None
        scope = owner.source.scopes.of[owner.node]
        bound = scope.names.get(name, [])
        if len(bound) != 1:
            return None
        node = bound[0] if isinstance(bound[0], Definition) else owner.source.parents.get(bound[0])
        return Symbol(owner.source, node, owner.node) if node else None


def dotted(node: ast.AST) -> tuple[str, ...]:
    """A chain of names in parts; a call or subscript in it counts for what is called or read. Empty for all else."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return (*before, node.attr)
    if isinstance(node, ast.Call):
        return dotted(node.func)
    return ("?",)
