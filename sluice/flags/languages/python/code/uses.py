"""Where a word is still used in a repository: by a name, a member, an import, or a text that may name it at run time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from sluice.flags.languages.python.code.repository import Repository, dotted
from sluice.flags.languages.python.code.scopes import Definition
from sluice.flags.languages.python.code.source import Source

LOOKED_UP = ("getattr", "globals", "vars", "locals", "attrgetter", "methodcaller", "import_string", "import_module")
BY_NAME = frozenset(LOOKED_UP)
_WORD = re.compile(r"\w+")


class Uses:
    """The uses of words in one state of a repository."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def of(self, word: str) -> Iterator[tuple[str, ast.AST | None]]:
        """Each use of a word, by file and node; None for a file of another language or one that does not parse."""
        for path in self.repository.with_word(word):
            source = self.repository.source(path) if path in self.repository.paths else None
            if source is None:
                yield path, None
                continue
            yield from ((path, node) for node in nodes_with(source, word))

    @cached_property
    def _composed(self) -> list[tuple[str, str]]:
        """Heads and tails of the names that are put together in files which look names up at run time."""
        found: list[tuple[str, str]] = []
        for path in self.repository.paths:
            if any(word in self.repository.files[path] for word in LOOKED_UP):
                source = self.repository.source(path)
                for node in ast.walk(source.tree) if source else ():
                    found += _pieces(node)
        return found

    def may_be_composed(self, name: str) -> bool:
        """Whether a name may be put together at run time."""
        return any(name.startswith(head) and name.endswith(tail) for head, tail in self._composed)

    @staticmethod
    def looks_up(source: Source) -> bool:
        """Whether a file reaches names that nobody can read from it: by a variable, in `getattr` or `globals()`."""
        if not any(word in source.text for word in LOOKED_UP):
            return False
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and (dotted(node.func) or ("",))[-1] in BY_NAME:
                constant = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
                if not constant:
                    return True
        return False


def nodes_with(source: Source, word: str) -> Iterator[ast.AST]:
    """Each node of a file that names a word; comments and docstrings name nothing."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) if name == word:
                yield node
            case ast.keyword(arg=name) if name == word:
                yield node
            case ast.alias() if word in {node.asname, *node.name.split(".")}:
                yield node
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if node.name == word:
                yield node
            case ast.Global(names=names) | ast.Nonlocal(names=names) if word in names:
                yield node
            case ast.MatchClass() if word in node.kwd_attrs:
                yield node
            case ast.Constant(value=str() as text) if word in text and word in _WORD.findall(text):
                if not is_docstring(source, node) or ">>>" in text:
                    yield node
            case _:
                pass


def is_docstring(source: Source, node: ast.Constant) -> bool:
    """Whether a text documents a module, class or function, or stands for itself."""
    return isinstance(source.parents.get(node), ast.Expr)


def _pieces(node: ast.AST) -> list[tuple[str, str]]:
    if isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.Constant) else None for one in node.values]
        head, tail = parts[0] or "", parts[-1] or ""
        pair = (str(head), str(tail)) if len(parts) > 1 else ("", "")
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        left = node.left.value if isinstance(node.left, ast.Constant) else ""
        right = node.right.value if isinstance(node.right, ast.Constant) else ""
        head = str(left).partition("%")[0] if isinstance(left, str) else ""
        pair = (head, str(right) if isinstance(right, str) and isinstance(node.op, ast.Add) else "")
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = node.func.value.value if isinstance(node.func.value, ast.Constant) else ""
        pair = (str(text).partition("{")[0], str(text).rpartition("}")[2])
    else:
        return []
    named = [one for one in pair if one and re.fullmatch(r"\w+", one)]
    return [(pair[0] if pair[0] in named else "", pair[1] if pair[1] in named else "")] if named else []


def in_all(source: Source, name: str) -> bool:
    """Whether a module offers a name by `__all__`."""
    for node in source.tree.body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            texts = (one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
            if name in texts:
                return True
    return False


def defined(source: Source, names: tuple[str, ...]) -> ast.AST | None:
    """A definition or the assignment of a name by its path in a file: `Class.method`, `function`, `CONSTANT`."""
    body: list[ast.stmt] = source.tree.body
    found: ast.AST | None = None
    for name in names:
        fits = [node for node in body if _binds(node, name)]
        if len(fits) != 1:
            return None
        found = fits[0]
        body = found.body if isinstance(found, Definition) else []
    return found


def _binds(node: ast.stmt, name: str) -> bool:
    if isinstance(node, Definition):
        return node.name == name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name
