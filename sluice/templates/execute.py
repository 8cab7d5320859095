"""Renders a template that was read, as Go's text/template does. What it may write and how long it may work is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import InvalidError
from sluice.templates.arguments import fitting
from sluice.templates.errors import TemplateError
from sluice.templates.nodes import (
    Branch,
    Call,
    Chain,
    Constant,
    Dot,
    Field,
    Function,
    Jump,
    Nil,
    Node,
    Operand,
    Pipe,
    Print,
    Template,
    Text,
    Variable,
)
from sluice.templates.printing import plain
from sluice.templates.values import MISSING, Struct, field_of, ordered, truth, type_name

MOST_TEXT = 1 << 20
"""Characters that a template may write."""
MOST_STEPS = 200_000
"""Nodes that a template may go through."""
MOST_CALLS = 100
"""How deep templates may call each other."""
_NOTHING = object()


class _Jumped(Exception):  # noqa: N818 - `break` and `continue`, never seen outside
    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(slots=True)
class Rendering:
    """One rendering of a template.

    Attributes:
        template: that was read.
        functions: by name.
    """

    template: Template
    functions: Mapping[str, Callable[..., Any]]
    out: list[str] = field(default_factory=list)
    size: int = 0
    steps: int = 0
    calls: int = 0
    line: int = 1

    def text(self, data: Any) -> str:
        """What the template makes of the data.

        Raises:
            TemplateError: it asks for what there is not, or for too much; names the line.
        """
        try:
            self._walk(self.template.body, data, [("$", data)])
        except TemplateError as error:
            raise TemplateError(f"line {self.line}: {error}") from error
        except RecursionError as error:
            raise TemplateError(f"line {self.line}: too deep") from error
        return "".join(self.out)

    def _write(self, text: str) -> None:
        self.size += len(text)
        if self.size > MOST_TEXT:
            raise TemplateError(f"it writes more than {MOST_TEXT} characters")
        self.out.append(text)

    def _walk(self, nodes: Sequence[Node], dot: Any, scope: list[tuple[str, Any]]) -> None:
        depth = len(scope)
        for node in nodes:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TemplateError(f"it takes more than {MOST_STEPS} steps")
            match node:
                case Text(text):
                    self._write(text)
                case Print(pipe, line):
                    self.line = line
                    value = self._pipe(pipe, dot, scope)
                    if not pipe.declared:
                        self._write(plain(value))
                case Branch():
                    self.line = node.line
                    self._branch(node, dot, scope)
                case Call():
                    self.line = node.line
                    self._call(node, dot, scope)
                case Jump(kind):
                    raise _Jumped(kind)
        del scope[depth:]

    def _branch(self, node: Branch, dot: Any, scope: list[tuple[str, Any]]) -> None:
        depth = len(scope)
        value = self._pipe(node.pipe, dot, scope, ranges=node.kind == "range")
        if node.kind == "range":
            self._range(node, value, dot, scope)
        elif truth(value):
            self._walk(node.body, value if node.kind == "with" else dot, scope)
        else:
            self._walk(node.otherwise, dot, scope)
        del scope[depth:]

    def _range(self, node: Branch, value: Any, dot: Any, scope: list[tuple[str, Any]]) -> None:
        depth = len(scope)
        turned = False
        for key, item in _turns(value):
            turned = True
            self._set(node.pipe, (key, item) if len(node.pipe.declared) == 2 else (item,), scope)
            try:
                self._walk(node.body, item, scope)
            except _Jumped as jump:
                if jump.kind == "break":
                    break
            finally:
                del scope[depth:]
        if not turned:
            self._walk(node.otherwise, dot, scope)

    def _call(self, node: Call, dot: Any, scope: list[tuple[str, Any]]) -> None:
        body = self.template.named.get(node.name)
        if body is None:
            raise TemplateError(f"template {node.name!r} not defined")
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise TemplateError(f"templates call each other more than {MOST_CALLS} deep")
        given = self._pipe(node.pipe, dot, scope) if node.pipe else None
        self._walk(body, given, [("$", given)])
        self.calls -= 1

    def _pipe(self, pipe: Pipe, dot: Any, scope: list[tuple[str, Any]], *, ranges: bool = False) -> Any:
        value: Any = _NOTHING
        for command in pipe.commands:
            value = self._command(command, dot, scope, value)
        if pipe.declared and not ranges:
            self._set(pipe, (value,), scope)
        return value

    def _set(self, pipe: Pipe, values: Sequence[Any], scope: list[tuple[str, Any]]) -> None:
        for name, value in zip(pipe.declared, values, strict=False):
            if pipe.assigns:
                at = next(index for index in range(len(scope) - 1, -1, -1) if scope[index][0] == name)
                scope[at] = (name, value)
            else:
                scope.append((name, value))

    def _command(self, command: Sequence[Operand], dot: Any, scope: list[tuple[str, Any]], last: Any) -> Any:
        first, rest = command[0], command[1:]
        match first:
            case Function("and" | "or" as name):
                return self._until(name, rest, dot, scope, last)
            case Function(name):
                given = [self._operand(one, dot, scope) for one in rest] + ([] if last is _NOTHING else [last])
                return self._run(name, self.functions[name], given)
            case Field() | Variable() | Chain():
                given = [self._operand(one, dot, scope) for one in rest] + ([] if last is _NOTHING else [last])
                return self._operand(first, dot, scope, given)
        if rest or last is not _NOTHING:
            raise TemplateError("can't give argument to non-function")
        if isinstance(first, Nil):
            raise TemplateError("nil is not a command")
        return self._operand(first, dot, scope)

    def _until(self, name: str, rest: Sequence[Operand], dot: Any, scope: list[tuple[str, Any]], last: Any) -> Any:
        """`and` and `or`: the first value that decides, and no further one is looked at."""
        if not rest and last is _NOTHING:
            raise TemplateError(f"wrong number of args for {name}: want at least 1 got 0")
        value: Any = None
        for one in rest:
            value = self._operand(one, dot, scope)
            if truth(value) == (name == "or"):
                return value
        return value if last is _NOTHING else last

    def _operand(self, one: Operand, dot: Any, scope: list[tuple[str, Any]], given: Sequence[Any] = ()) -> Any:
        match one:
            case Dot():
                return dot
            case Nil():
                return None
            case Constant(value):
                return value
            case Field(names):
                return self._fields(dot, names, given)
            case Variable(name, names):
                value = next(value for known, value in reversed(scope) if known == name)
                return self._fields(value, names, given)
            case Chain(pipe, names):
                return self._fields(self._pipe(pipe, dot, scope), names, given)
            case Pipe():
                return self._pipe(one, dot, scope)
            case Function("and" | "or"):
                return self._until(one.name, (), dot, scope, _NOTHING)
        return self._run(one.name, self.functions[one.name], [])

    def _fields(self, value: Any, names: Sequence[str], given: Sequence[Any]) -> Any:
        for index, name in enumerate(names):
            last = index == len(names) - 1
            value = field_of(value, name)
            if callable(value) and not isinstance(value, Struct):
                value = self._run(name, value, list(given) if last else [])
            elif last and given:
                raise TemplateError(f"{name} has arguments but cannot be invoked as function")
        if not names and given:
            raise TemplateError("can't give argument to non-function")
        return value

    def _run(self, name: str, function: Callable[..., Any], given: list[Any]) -> Any:
        arguments = fitting(name, function, given)
        try:
            return function(*arguments)
        except TemplateError:
            raise
        except (
            InvalidError,
            ValueError,
            TypeError,
            ArithmeticError,
            LookupError,
            AttributeError,
            OverflowError,
        ) as error:
            raise TemplateError(f"error calling {name}: {error}") from error


def _turns(value: Any) -> Iterable[tuple[Any, Any]]:
    """Key and item of each turn of a range."""
    if value is None or value is MISSING:
        return ()
    if isinstance(value, Mapping):
        return [(key, value[key]) for key in ordered(value)]
    if isinstance(value, int) and not isinstance(value, bool):
        return ((number, number) for number in range(value))
    if isinstance(value, list | tuple | bytes):
        return enumerate(value)
    raise TemplateError(f"range can't iterate over {plain(value)} of type {type_name(value)}")
