"""What expressions are worth once a flag has one value for ever: calls, what is assigned from them and built of both."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from sluice.flags.languages.python.code.pure import arguments_are_pure, is_pure
from sluice.flags.languages.python.code.repository import Repository, Symbol, dotted
from sluice.flags.languages.python.code.scopes import Function
from sluice.flags.languages.python.code.source import Source
from sluice.flags.languages.python.reads import Reads, decorators, only_answer, overridden

NOT_AWAITED = "the answer is not awaited where it is asked for"
GETTERS = ("get_{}", "is_{}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an SDK answers around the value: its member has it."""

    value: bool | str
    member: str


Value = bool | str | Answer


class Known:
    """A repository in which one flag has one value. `kept` has the places whose reads stay, with the reason."""

    def __init__(self, reads: Reads, flag: str, value: str, kept: dict[tuple[str, int, int], str]) -> None:
        self.reads = reads
        self.repository: Repository = reads.repository
        self.flag = flag
        self.text = value
        self.value: bool | str = {"true": True, "false": False}.get(value, value)
        self.kept = kept
        self._worth: dict[ast.AST, Value | None] = {}
        self.doubts: dict[ast.AST, str] = {}

    def of(self, source: Source, node: ast.AST) -> Value | None:
        """What an expression is worth; None where it depends on more than the flag."""
        if node not in self._worth:
            self._worth[node] = None  # what depends on itself is not known
            self._worth[node] = self._of(source, node)
        return self._worth[node]

    def _of(self, source: Source, node: ast.AST) -> Value | None:
        match node:
            case ast.Call():
                return self._call(source, node)
            case ast.Await(value=ast.Call() as call):
                return self._call(source, call, awaited=True)
            case ast.Attribute() | ast.Subscript():
                return self._member(source, node)
            case ast.Name(ctx=ast.Load()):
                return self._name(source, node)
            case ast.UnaryOp(op=ast.Not()):
                inner = self.of(source, node.operand)
                return not inner if isinstance(inner, bool | str) else None
            case ast.Compare(ops=[op], comparators=[right]):
                return self._compared(source, node.left, op, right)
            case ast.BoolOp():
                return self._joined(source, node)
            case ast.IfExp():
                test = self.of(source, node.test)
                if isinstance(test, bool | str):
                    return self.of(source, node.body if test else node.orelse)
            case ast.NamedExpr():
                return self._walrus(source, node)
        return None

    def is_kept(self, source: Source, node: ast.AST) -> str:
        line = getattr(node, "lineno", 0)
        found = (why for (path, first, last), why in self.kept.items() if path == source.path and first <= line <= last)
        return next(found, "")

    def _call(self, source: Source, node: ast.Call, *, awaited: bool = False) -> Value | None:
        read = self.reads.of(source, node, self.text)
        above = source.parents.get(node)
        if not awaited and isinstance(above, ast.Await):
            return None
        if read is None or read.key is None:
            return self._getter(source, node, awaited) if read is None else None
        if read.key != self.flag:
            return None
        wrapper = self.reads.wrapper(source, node.func) if "wrapper" in read.why else None
        waits = wrapper.asynchronous if wrapper else read.row.asynchronous
        doubt = self.is_kept(source, node) or read.doubt or (NOT_AWAITED if waits and not awaited else "")
        if wrapper and awaited and not waits:
            doubt = doubt or "a plain function's answer is awaited"
        if doubt:
            self.doubts[node] = doubt
            return None
        value = not self.value if read.negated else self.value
        return Answer(value, read.row.result) if read.row.result else value

    def _getter(self, source: Source, node: ast.Call, awaited: bool) -> Value | None:
        """`answer.is_enabled()`, or a function that only answers what is known."""
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            inner = self.of(source, node.func.value)
            if isinstance(inner, Answer):
                names = {one.format(inner.member) for one in GETTERS}
                return inner.value if node.func.attr in names else None
        pure = arguments_are_pure(node) and is_pure(node.func)
        return self._answer_of(source, node.func, awaited=awaited) if pure else None

    def _answer_of(
        self, source: Source, callee: ast.AST, *, read_only: bool = False, awaited: bool = False
    ) -> Value | None:
        symbol = self.repository.symbol(source, callee) if isinstance(callee, ast.Name | ast.Attribute) else None
        if symbol is None or not isinstance(symbol.node, Function) or overridden(self.repository, symbol):
            return None
        function = symbol.node
        if isinstance(function, ast.AsyncFunctionDef) is not awaited:
            return None
        if bool(decorators(function) & {"property", "cached_property"}) is not read_only:
            return None
        answer = only_answer(function)
        return self.of(symbol.source, answer) if answer is not None else None

    def _member(self, source: Source, node: ast.Attribute | ast.Subscript) -> Value | None:
        inner = self.of(source, node.value)
        if isinstance(inner, Answer):
            key = node.attr if isinstance(node, ast.Attribute) else getattr(node.slice, "value", None)
            return inner.value if key == inner.member and isinstance(node.ctx, ast.Load) else None
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            return None
        symbol = self.repository.symbol(source, node)
        if symbol is not None and isinstance(symbol.node, Function):
            above = source.parents.get(node)
            called = isinstance(above, ast.Call) and above.func is node
            return None if called else self._answer_of(source, node, read_only=True)
        return self._of_symbol(symbol) if symbol is not None and symbol.owner is None else None

    def _name(self, source: Source, node: ast.Name) -> Value | None:
        scope = source.scopes.owner.get(node)
        bound = scope.names.get(node.id, []) if scope else []
        if scope is None or len(bound) != 1 or isinstance(scope.node, ast.ClassDef):
            return None
        above = source.parents.get(bound[0])
        if isinstance(above, ast.NamedExpr):
            return self._plain(self.of(source, above.value))
        symbol = self.repository.symbol(source, node)
        return self._of_symbol(symbol) if symbol and symbol.owner is None else None

    def _of_symbol(self, symbol: Symbol) -> Value | None:
        """What a variable is worth that is bound once, and that nothing from outside changes."""
        node = symbol.node
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            return None
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Name):
            return None
        worth = self.of(symbol.source, node.value)
        top = symbol.source.scope_of(node) is symbol.source.scopes.module
        return None if worth is None or (top and self._set_elsewhere(symbol.source, target.id)) else worth

    def _set_elsewhere(self, source: Source, name: str) -> bool:
        """Whether a module's variable may be changed from outside: by assignment, a patch, or a name in a text."""
        for path in self.repository.with_word(name):
            other = self.repository.source(path) if path in self.repository.paths else None
            for node in ast.walk(other.tree) if other else ():
                if isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load):
                    return True
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    last = node.value.rpartition(".")[2]
                    if last == name and not (other and _in_all(other, node)):
                        return True
        return False

    def _walrus(self, source: Source, node: ast.NamedExpr) -> Value | None:
        uses = self.uses(source, node.target)
        worth = self._plain(self.of(source, node.value))
        return worth if uses is not None and all(self.of(source, one) is not None for one in uses) else None

    def uses(self, source: Source, target: ast.Name) -> list[ast.Name] | None:
        """The loads of a variable that is bound once in a function; None for any other."""
        for scope in source.scopes.of.values():
            if target in scope.names.get(target.id, []):
                alone = len(scope.names[target.id]) == 1 and isinstance(scope.node, Function)
                uses = scope.uses.get(target.id, [])
                return uses if alone and not any(in_text(source, one) for one in uses) else None
        return None

    @staticmethod
    def _plain(worth: Value | None) -> bool | str | None:
        return None if isinstance(worth, Answer) else worth

    def _literal(self, source: Source, node: ast.AST) -> object:
        if isinstance(node, ast.Constant):
            return node.value
        worth = self._plain(self.of(source, node))
        return worth if worth is not None else self.reads.text(source, node)[0]

    def _compared(self, source: Source, left: ast.AST, op: ast.cmpop, right: ast.AST) -> bool | None:
        one, other = self._plain(self.of(source, left)), self._plain(self.of(source, right))
        if one is None and other is None:
            return None
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.Tuple | ast.List | ast.Set) and one is not None:
            among = [self._literal(source, each) for each in right.elts]
            if any(each is None for each in among):
                return None
            return (one in among) is isinstance(op, ast.In)
        first, second = self._literal(source, left), self._literal(source, right)
        if first is None or second is None or not isinstance(first, type(second)):
            return None
        if isinstance(op, ast.Eq | ast.NotEq):
            return (first == second) is isinstance(op, ast.Eq)
        if isinstance(op, ast.Is | ast.IsNot) and isinstance(first, bool):
            return (first is second) is isinstance(op, ast.Is)
        return None

    def _joined(self, source: Source, node: ast.BoolOp) -> bool | str | None:
        """`and`, `or`: as Python goes through them, for as long as each operand is known."""
        last: bool | str | None = None
        for one in node.values:
            last = self._plain(self.of(source, one))
            if last is None or bool(last) is isinstance(node.op, ast.Or):
                return last
        return last


def _in_all(source: Source, node: ast.AST) -> bool:
    """Whether a text stands in `__all__`."""
    holder = source.around(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
    targets = getattr(holder, "targets", None) or [getattr(holder, "target", None)]
    return any(dotted(one) == ("__all__",) for one in targets if one is not None)


def in_text(source: Source, node: ast.AST) -> bool:
    """Whether an expression stands in an f-string of which this Python does not say exactly where."""
    return isinstance(node, ast.expr) and source.around(node, ast.JoinedStr) is not None and not source.is_placed(node)
