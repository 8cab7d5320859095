"""Tests that set the flag: by the SDK's own help, by a patch of the call, by a parameter over on and off.

What sets the value that the flag has now goes; a test whose flag has the other value tries what is no longer there, and goes
whole. A test that does both, or that patches the call for other flags too, is left.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from sluice.flags.languages.base import Left
from sluice.flags.languages.python.code.repository import Repository, dotted
from sluice.flags.languages.python.code.scopes import Definition, Function
from sluice.flags.languages.python.code.source import Source, is_test
from sluice.flags.languages.python.edits.cut import Cuts
from sluice.flags.languages.python.reads import Reads

BOTH = "the test has the flag both on and off"
OTHERS = "the patch answers for other flags as well"
ELSEWHERE = "the flag is set here for tests in other places"
PATCHES = frozenset({"patch", "setattr", "object"})


@dataclass(slots=True)
class Trials:
    """What goes from one file of tests, and what stays."""

    cuts: Cuts = field(default_factory=Cuts)
    left: list[Left] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Setter:
    """One place that sets the flag for a test.

    Attributes:
        node: the call.
        matches: whether it sets the value that the flag has for ever.
        mock: whether a decorator of it gives its function a parameter.
    """

    node: ast.Call
    matches: bool
    mock: bool = False


class Tests:
    """The files of tests of a repository, for one flag and value."""

    def __init__(self, reads: Reads, flag: str, value: str) -> None:
        self.reads = reads
        self.repository: Repository = reads.repository
        self.flag = flag
        self.value = value == "true"

    def of(self, source: Source) -> Trials:
        """What goes from a file."""
        found = Trials()
        if not is_test(source.path):
            return found
        setters = [one for node in ast.walk(source.tree) if (one := self._setter(source, node, found))]
        by_function: dict[Definition | None, list[Setter]] = {}
        for setter in setters:
            by_function.setdefault(self._function(source, setter.node), []).append(setter)
        for function, its in by_function.items():
            self._function_with(source, function, its, found)
        for function in (node for node in ast.walk(source.tree) if isinstance(node, Function)):
            self._parametrized(source, function, found)
        return found

    def _setter(self, source: Source, node: ast.AST, found: Trials) -> Setter | None:
        """The setter that a node is, where it is one."""
        if not isinstance(node, ast.Call):
            return None
        given = [*node.args, *(one.value for one in node.keywords)]
        if any(self.reads.text(source, one)[0] == self.flag for one in given):
            values = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, bool)]
            if len(values) != 1 or self.reads.of(source, node) is not None:
                return None
            return Setter(node, values[0] is self.value)
        return self._patch(source, node, found)

    def _patch(self, source: Source, node: ast.Call, found: Trials) -> Setter | None:
        """`patch("module.is_enabled", return_value=True)`, `monkeypatch.setattr("module.is_enabled", lambda *_: True)`."""
        target = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        if (dotted(node.func) or ("",))[-1] not in PATCHES or not isinstance(target, str):
            return None
        module, _, name = target.rpartition(".")
        patched = self.repository.module(module)
        answer = _answer(node)
        if patched is None or answer is None:
            return None
        loads = patched.scopes.module.uses.get(name, [])
        mine = [self._is_ours(patched, one) for one in loads]
        if not any(mine):
            return None
        if not all(mine):
            if answer is not self.value:
                found.left.append(Left(source.place(node), OTHERS))
            return None
        replaced = len(node.args) > 1 or any(one.arg == "new" for one in node.keywords)
        return Setter(node, answer is self.value, mock=not replaced)

    def _is_ours(self, source: Source, name: ast.Name) -> bool:
        call = source.parents.get(name)
        read = self.reads.of(source, call) if isinstance(call, ast.Call) and call.func is name else None
        return read is not None and read.key == self.flag and not read.doubt

    @staticmethod
    def _function(source: Source, node: ast.AST) -> Definition | None:
        """The test that a setter is for: the function around it, or the one that it decorates."""
        above = source.parents.get(node)
        if isinstance(above, Definition) and node in above.decorator_list:
            return above
        return source.function_around(node)

    def _function_with(self, source: Source, function: Definition | None, setters: list[Setter], found: Trials) -> None:
        test = function is not None and function.name.lower().startswith("test")
        matching = [one for one in setters if one.matches]
        if function is None or not test:
            found.left += [Left(source.place(one.node), ELSEWHERE) for one in setters]
        elif not matching and all(self._is_for_whole(source, function, one) for one in setters):
            found.cuts.statements.add(source.span(function)[:2])
        elif len(matching) == len(setters) and all(self._can_go(source, function, one) for one in setters):
            for one in setters:
                self._drop(source, function, one, found.cuts)
        else:
            found.left += [Left(source.place(one.node), BOTH) for one in setters]

    @staticmethod
    def _is_for_whole(source: Source, function: Definition, setter: Setter) -> bool:
        """Whether the flag has a setter's value for everything that a test tries: nothing is asked before it."""
        if setter.node in function.decorator_list:
            return True
        for statement in function.body:
            inside = setter.node in set(ast.walk(statement))
            if inside:
                plain = isinstance(statement, ast.Expr) and statement.value is setter.node
                last = isinstance(statement, ast.With) and statement is function.body[-1]
                return plain or last
            if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom) and not (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant | ast.Call)
            ):
                return False
        return False

    @staticmethod
    def _can_go(source: Source, function: Definition, setter: Setter) -> bool:
        above = source.parents.get(setter.node)
        if isinstance(above, ast.withitem):
            outer = source.parents.get(above)
            return isinstance(outer, ast.With) and len(outer.items) == 1 and above.optional_vars is None
        if setter.node in function.decorator_list:
            name = _mocked(function, setter) if setter.mock and isinstance(function, Function) else None
            return not setter.mock or (name is not None and not source.scopes.of[function].uses.get(name.arg))
        return isinstance(above, ast.Expr)

    @staticmethod
    def _drop(source: Source, function: Definition, setter: Setter, cuts: Cuts) -> None:
        above = source.parents.get(setter.node)
        if isinstance(above, ast.withitem):
            outer = source.parents.get(above)
            cuts.opened.add(source.span(outer)[:2]) if outer else None
        elif setter.node in function.decorator_list:
            cuts.decorators.add(source.span(setter.node)[:2])
            name = _mocked(function, setter) if setter.mock and isinstance(function, Function) else None
            cuts.parameters |= {source.span(name)[:2]} if name else set()
        elif above is not None:
            cuts.statements.add(source.span(above)[:2])

    def _parametrized(self, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, found: Trials) -> None:
        """`parametrize` over on and off: the rows with the other value go, and what sets the flag from them."""
        for node in (one for one in ast.walk(function) if isinstance(one, ast.Call)):
            given = [*node.args, *(one.value for one in node.keywords)]
            names = [one.id for one in given if isinstance(one, ast.Name)]
            keyed = any(self.reads.text(source, one)[0] == self.flag for one in given)
            if not keyed or len(names) != 1 or not isinstance(source.parents.get(node), ast.Expr):
                continue
            rows = _rows(function, names[0])
            if rows is None:
                continue
            decorator, pairs = rows
            if {value for _, value in pairs} != {True, False}:
                continue
            found.cuts.items |= {source.span(row)[:2] for row, value in pairs if value is not self.value}
            found.cuts.statements.add(source.span(source.parents[node])[:2])
            alone = len(source.scopes.of[function].uses.get(names[0], [])) == 1
            if alone and isinstance(decorator.args[0], ast.Constant) and decorator.args[0].value == names[0]:
                found.cuts.decorators.add(source.span(decorator)[:2])
                found.cuts.parameters |= {source.span(one)[:2] for one in function.args.args if one.arg == names[0]}


def _answer(node: ast.Call) -> bool | None:
    """What a patched call answers, where that is written out."""
    value: ast.AST | None = next((one.value for one in node.keywords if one.arg == "return_value"), None)
    if value is None and len(node.args) > 1 and isinstance(node.args[1], ast.Lambda):
        value = node.args[1].body
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _mocked(function: ast.FunctionDef | ast.AsyncFunctionDef, setter: Setter) -> ast.arg | None:
    """The parameter in which a test gets the mock of a decorator: patches count from the function upwards."""
    below = function.decorator_list[function.decorator_list.index(setter.node) + 1 :]
    given = [one for one in below if isinstance(one, ast.Call) and (dotted(one.func) or ("",))[-1] in PATCHES]
    if any(len(one.args) > 1 or any(each.arg == "new" for each in one.keywords) for one in given):
        return None
    args = [one for one in function.args.args if one.arg not in {"self", "cls"}]
    return args[len(given)] if len(given) < len(args) else None


def _rows(
    function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
) -> tuple[ast.Call, list[tuple[ast.expr, object]]] | None:
    """The rows of the `parametrize` that gives a parameter, each with its value for it."""
    for one in function.decorator_list:
        if not isinstance(one, ast.Call) or (dotted(one.func) or ("",))[-1] != "parametrize" or len(one.args) != 2:
            continue
        if one.keywords or not isinstance(one.args[1], ast.List):
            continue
        names = one.args[0].value if isinstance(one.args[0], ast.Constant) else None
        columns = [each.strip() for each in names.split(",")] if isinstance(names, str) else []
        if name not in columns:
            continue
        index, pairs = columns.index(name), list[tuple[ast.expr, object]]()
        for row in one.args[1].elts:
            cells = [row] if len(columns) == 1 else row.elts if isinstance(row, ast.Tuple) else []
            cell = cells[index] if index < len(cells) else None
            pairs.append((row, cell.value if isinstance(cell, ast.Constant) else None))
        return one, pairs
    return None
