"""Whether code means what it meant: each function that stays sees its names in the same scopes, and still is what it was.

Taking a branch away can turn a local name into a global one, or a generator into a function that returns. Python's own
compiler says of both versions what each name is; where that differs the function's reads are left.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

from sluice.flags.languages.python.code.scopes import Definition, Function
from sluice.flags.languages.python.code.source import BOM, Source

Lines = tuple[int, int]
KIND = "without the dead branch the function would no longer be a generator"
SCOPE = "without the dead branch `{}` would be another variable"
NO_CODE = "what would be left does not compile"


def changed_meaning(before: Source, text: str) -> Iterator[tuple[Lines, str]]:
    """Each function of a file (its lines in the old text) that would no longer be what it is, and why."""
    try:
        after = ast.parse(text.removeprefix(BOM))
        new = _tables(text)
    except (SyntaxError, ValueError, RecursionError):
        yield (1, len(before.lines)), NO_CODE
        return
    old = _tables(before.text)
    functions, others = _functions(before.tree), _functions(after)
    for path, nodes in functions.items():
        fits = others.get(path, [])
        if len(nodes) != len(fits):
            continue
        for node, other in zip(nodes, fits, strict=True):
            lines = (node.lineno, node.end_lineno or node.lineno)
            if _yields(node) and not _yields(other):
                yield lines, KIND
        if len(old.get(path, [])) == len(new.get(path, [])) == len(nodes):
            for node, one, two in zip(nodes, old[path], new[path], strict=True):
                name = _moved(one, two)
                if name:
                    yield (node.lineno, node.end_lineno or node.lineno), SCOPE.format(name)


def still_generators(before: Source, text: str) -> str:
    """The new text in which each function that lost its last `yield` with a dead branch begins with one of nothing.

    Only `async` ones cannot have it: in them `yield from` is not allowed.
    """
    try:
        functions, others = _functions(before.tree), _functions(ast.parse(text.removeprefix(BOM)))
    except (SyntaxError, ValueError, RecursionError):
        return text
    lines = text.splitlines(keepends=True)
    places = []
    for path, nodes in functions.items():
        for node, other in zip(nodes, others.get(path, []), strict=False):
            if len(nodes) != len(others[path]) or not _yields(node) or _yields(other):
                continue
            first = (
                other.body[1] if ast.get_docstring(other, clean=False) is not None and other.body[1:] else other.body[0]
            )
            head = min([first.lineno, *(one.lineno for one in getattr(first, "decorator_list", []))])
            alone = not lines[head - 1][: first.col_offset].strip()
            if isinstance(other, ast.FunctionDef) and alone and not _is_docstring(first):
                places.append((head - 1, isinstance(first, ast.Pass)))
    for line, idle in sorted(places, reverse=True):
        own = lines[line]
        indent, end = own[: len(own) - len(own.lstrip())], own[len(own.rstrip("\r\n")) :] or "\n"
        lines[line : line + idle] = [f"{indent}yield from (){end}"]
    return "".join(lines)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _functions(tree: ast.AST, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], list[Definition]]:
    found: dict[tuple[str, ...], list[Definition]] = {}
    for node in ast.iter_child_nodes(tree):
        inner = (*path, node.name) if isinstance(node, Function | ast.ClassDef) else path
        if isinstance(node, Function):
            found.setdefault(inner, []).append(node)
        for key, nodes in _functions(node, inner).items():
            found.setdefault(key, []).extend(nodes)
    return found


def _tables(text: str) -> dict[tuple[str, ...], list[symtable.SymbolTable]]:
    found: dict[tuple[str, ...], list[symtable.SymbolTable]] = {}

    def walk(table: symtable.SymbolTable, path: tuple[str, ...]) -> None:
        for child in table.get_children():
            named = child.get_type() in {"function", "class"} and child.get_name() not in {"lambda", "genexpr"}
            inner = (*path, child.get_name()) if named else path
            if child.get_type() == "function" and named:
                found.setdefault(inner, []).append(child)
            walk(child, inner)

    walk(symtable.symtable(text.removeprefix(BOM), "file", "exec"), ())
    return found


def _moved(before: symtable.SymbolTable, after: symtable.SymbolTable) -> str:
    """A name that is used in both and belongs to another scope in the second."""
    old = {one.get_name(): one for one in before.get_symbols()}
    for symbol in after.get_symbols():
        known = old.get(symbol.get_name())
        if known is None or not symbol.is_referenced():
            continue
        if _belongs(known) != _belongs(symbol):
            return symbol.get_name()
    return ""


def _belongs(symbol: symtable.Symbol) -> str:
    return "global" if symbol.is_global() else "free" if symbol.is_free() else "local"


def _yields(function: ast.AST) -> bool:
    """Whether a function is a generator: a `yield` of its own, not of one inside it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(node)
    return False
