"""Where Python reads flags: calls by their names, keys by constants and enums, and the wrappers around both."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sluice.flags.calls import Argument, FlagCall
from sluice.flags.languages.python.code.pure import arguments_are_pure, receiver_is_pure
from sluice.flags.languages.python.code.repository import Repository, Symbol, dotted
from sluice.flags.languages.python.code.scopes import Function
from sluice.flags.languages.python.code.source import Source

PUT_TOGETHER = "the key is put together at run time"
SHADOWED = "what is called is a local name or a parameter, which may be something else"
EFFECT = "an argument of the call may do more than answer"
PLAIN_DECORATORS = frozenset({"staticmethod", "classmethod", "property", "cache", "lru_cache", "cached_property"})


@dataclass(frozen=True, slots=True)
class Read:
    """One call that reads a flag.

    Attributes:
        source: the file.
        node: the call.
        row: the call as the table has it; of a wrapper, what it hands to.
        keys: what the key is, text by text; empty where it is not known.
        negated: whether the answer is turned round.
        why: how the key was found, or why it was not.
        doubt: why the call may not be dropped; empty where it may.
    """

    source: Source
    node: ast.Call
    row: FlagCall
    key: str | None
    negated: bool = False
    why: str = "literal"
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function that only hands its parameter to a call."""

    row: FlagCall
    key: Argument
    negated: bool
    asynchronous: bool


class Reads:
    """What each call of a repository reads, where it reads a flag at all."""

    def __init__(self, repository: Repository, calls: tuple[FlagCall, ...]) -> None:
        self.repository = repository
        self.calls = calls
        self._last = frozenset(call.parts[-1] for call in calls)
        self._wrappers: dict[ast.AST, Wrapper | None] = {}

    def named(self, source: Source, node: ast.AST) -> tuple[str, ...]:
        """A chain of names as it is called where it comes from: an import's alias is resolved."""
        parts = dotted(node)
        first = node
        while isinstance(first, ast.Attribute | ast.Call):
            first = first.value if isinstance(first, ast.Attribute) else first.func
        if not isinstance(first, ast.Name) or first.id not in source.scopes.module.names:
            return parts
        owner = source.scopes.owner.get(first)
        bound = owner.names.get(first.id, []) if owner else []
        if len(bound) != 1:
            return parts
        above = source.parents.get(bound[0])
        if isinstance(bound[0], ast.alias):
            before = (above.module or "").split(".") if isinstance(above, ast.ImportFrom) else []
            return (*before, *bound[0].name.split("."), *parts[1:])
        if isinstance(above, ast.Assign) and isinstance(above.value, ast.Attribute) and node is first:
            return dotted(above.value)
        return parts

    def rows(self, source: Source, node: ast.AST) -> list[FlagCall]:
        """The rows that a callee's name fits."""
        parts = self.named(source, node)
        if not parts or parts[-1] not in self._last:
            return []
        return [row for row in self.calls if row.named(parts)]

    def of(self, source: Source, node: ast.Call, value: str | None = None) -> Read | None:
        """What a call reads; with a value, by the row that can answer it."""
        rows = [row for row in self.rows(source, node.func) if not row.decorates]
        fit = [row for row in rows if value is None or (row.answers(value) and _typed(node, row, value))]
        if rows:
            row = (fit or rows)[0]
            found = self._direct(source, node, row, row.key)
            return replace(found, doubt=found.doubt or "the call does not answer this value") if not fit else found
        wrapper = self.wrapper(source, node.func)
        if wrapper is None:
            return None
        found = self._direct(source, node, wrapper.row, wrapper.key)
        return replace(found, negated=wrapper.negated, why=f"wrapper, {found.why}")

    def _direct(self, source: Source, node: ast.Call, row: FlagCall, where: Argument) -> Read:
        given = argument(node, where)
        key, why = self.text(source, given) if given is not None else (None, PUT_TOGETHER)
        doubt = "" if arguments_are_pure(node) and receiver_is_pure(node.func) else EFFECT
        if key is not None and self._local(source, node.func):
            doubt = SHADOWED
        return Read(source, node, row, key, row.negated, why if key is not None else PUT_TOGETHER, doubt)

    @staticmethod
    def _local(source: Source, callee: ast.AST) -> bool:
        if not isinstance(callee, ast.Name):
            return False
        owner = source.scopes.owner.get(callee)
        bound = owner.names.get(callee.id, []) if owner else []
        inside = owner is not None and owner is not source.scopes.module
        return len(bound) > 1 or (inside and not all(isinstance(one, ast.alias) for one in bound))

    def text(self, source: Source, node: ast.AST) -> tuple[str | None, str]:
        """The text that an expression is, and how that is known."""
        if isinstance(node, ast.Constant):
            return (node.value, "literal") if isinstance(node.value, str) else (None, "")
        if isinstance(node, ast.Attribute) and node.attr == "value":
            found, why = self.text(source, node.value)
            return (found, why) if why == "member" else (None, "")
        symbol = self.repository.symbol(source, node)
        return _constant(symbol) if symbol else (None, "")

    def wrapper(self, source: Source, callee: ast.AST) -> Wrapper | None:
        """The wrapper that a callee is, where it is one."""
        if not isinstance(callee, ast.Name | ast.Attribute):
            return None
        symbol = self.repository.symbol(source, callee)
        if symbol is None or not isinstance(symbol.node, Function):
            return None
        return self._wrapper_of(symbol)

    def hands(self, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function only hands its parameter to a call."""
        owner = source.parents.get(function)
        symbol = Symbol(source, function, owner if isinstance(owner, ast.ClassDef) else None)
        return self._wrapper_of(symbol) is not None

    def _wrapper_of(self, symbol: Symbol) -> Wrapper | None:
        if symbol.node not in self._wrappers:
            self._wrappers[symbol.node] = None  # one that hands to itself is none
            self._wrappers[symbol.node] = self._handing(symbol)
        return self._wrappers[symbol.node]

    def decorators(self, source: Source) -> Iterator[tuple[ast.Call, FlagCall, str | None, str]]:
        """Each decorator of a file that asks for a flag: the call, its row, the key and how that was found."""
        for node in ast.walk(source.tree):
            for one in getattr(node, "decorator_list", ()):
                rows = [row for row in self.rows(source, one) if row.decorates] if isinstance(one, ast.Call) else []
                given = argument(one, rows[0].key) if rows else None
                if given is not None:
                    key, why = self.text(source, given)
                    yield one, rows[0], key, f"decorator, {why or PUT_TOGETHER}"

    def _handing(self, symbol: Symbol) -> Wrapper | None:
        function = symbol.node
        answer = only_answer(function) if isinstance(function, Function) else None
        negated = isinstance(answer, ast.UnaryOp) and isinstance(answer.op, ast.Not)
        inner = answer.operand if isinstance(answer, ast.UnaryOp) and negated else answer
        inner = inner.value if isinstance(inner, ast.Await) else inner
        member = inner.attr if isinstance(inner, ast.Attribute) else ""
        inner = inner.value if isinstance(inner, ast.Attribute) else inner
        if not isinstance(inner, ast.Call) or not isinstance(function, Function):
            return None
        read = self.of(symbol.source, inner)
        if read is None or read.key is not None or member not in {"", read.row.result}:
            return None
        if read.doubt or overridden(self.repository, symbol):
            return None
        position = self._handed(symbol, inner)
        if position is None:
            return None
        row = replace(read.row, result="") if member else read.row
        return Wrapper(row, position, negated != read.negated, isinstance(function, ast.AsyncFunctionDef))

    def _handed(self, symbol: Symbol, inner: ast.Call) -> Argument | None:
        """Which parameter of a function is the key of the call in it."""
        function = symbol.node
        rows = [row for row in self.rows(symbol.source, inner.func) if not row.decorates]
        below = None if rows else self.wrapper(symbol.source, inner.func)
        where = rows[0].key if rows else below.key if below else None
        given = argument(inner, where) if where else None
        if not isinstance(given, ast.Name) or not isinstance(function, Function):
            return None
        names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
        if given.id in names:
            free = symbol.owner is not None and "staticmethod" not in decorators(function)
            return Argument(names.index(given.id) - int(free), given.id)
        return Argument(None, given.id) if given.id in {one.arg for one in function.args.kwonlyargs} else None

    def every(self, source: Source) -> Iterator[Read]:
        """Each read of a file, in order."""
        calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
        for node in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
            found = self.of(source, node)
            if found is not None:
                yield found


def argument(node: ast.Call, where: Argument) -> ast.expr | None:
    """An argument of a call; of a request that is made in the call, the field of that name."""
    if any(isinstance(one, ast.Starred) for one in node.args):
        return None
    for keyword in node.keywords:
        if where.name and keyword.arg == where.name:
            return keyword.value
    if where.position is None or where.position >= len(node.args):
        return None
    given = node.args[where.position]
    return argument(given, Argument(None, where.name)) if isinstance(given, ast.Call) else given


def only_answer(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.expr | None:
    """What a function returns, where it does nothing else."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    plain = decorators(function) <= PLAIN_DECORATORS
    return body[0].value if plain and len(body) == 1 and isinstance(body[0], ast.Return) else None


def decorators(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The last parts of the decorators' names."""
    return {(dotted(one) or ("?",))[-1] for one in function.decorator_list}


def overridden(repository: Repository, symbol: Symbol) -> bool:
    """Whether a method may stand for another one: defined twice in the repository by its name."""
    if symbol.owner is None or not isinstance(symbol.node, Function):
        return False
    name = symbol.node.name
    sources = [repository.source(path) for path in repository.with_word(name) if path in repository.paths]
    same = [
        node
        for one in sources
        if one is not None
        for node in ast.walk(one.tree)
        if isinstance(node, Function) and node.name == name
    ]
    return len(same) > 1


def _typed(node: ast.Call, row: FlagCall, value: str) -> bool:
    """Whether the default that a call gives has the type of the value, where it is written out."""
    given = argument(node, row.default) if row.default else None
    if not isinstance(given, ast.Constant) or given.value is None:
        return True
    return isinstance(given.value, bool) if value in {"true", "false"} else isinstance(given.value, str)


def _constant(symbol: Symbol) -> tuple[str | None, str]:
    node = symbol.node
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value, "member" if symbol.owner else "constant"
    return None, ""
