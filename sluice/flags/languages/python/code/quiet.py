"""What does nothing but define: modules whose import has no effect, classes and functions that register nowhere."""

from __future__ import annotations

import ast

from sluice.flags.languages.python.code.pure import is_pure
from sluice.flags.languages.python.code.repository import Repository, Symbol, dotted
from sluice.flags.languages.python.code.scopes import Function
from sluice.flags.languages.python.code.source import Source

DECORATORS = frozenset(
    {"staticmethod", "classmethod", "property", "cache", "lru_cache", "cached_property", "dataclass", "wraps"}
    | {"contextmanager", "asynccontextmanager", "overload", "final", "override", "unique", "total_ordering", "setter"}
)
BASES = frozenset(
    {"object", "Exception", "ValueError", "RuntimeError", "TypeError", "KeyError", "LookupError", "Enum", "StrEnum"}
    | {"IntEnum", "NamedTuple", "TypedDict", "Protocol", "ABC", "Generic", "str", "int", "dict", "list", "tuple"}
)
MAKERS = frozenset({"getLogger", "compile", "TypeVar", "namedtuple", "Decimal", "Path", "timedelta", "frozenset"})
"""Calls at the top of modules that only make a value."""
DEEPEST = 20


def is_quiet_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether defining a function only defines it: no decorator that may register it, no default that does something."""
    args = node.args
    defaults = [*args.defaults, *args.kw_defaults]
    plain = all((dotted(one) or ("?",))[-1] in DECORATORS for one in node.decorator_list)
    return plain and all(is_pure(one) for one in defaults)


def is_quiet_class(repository: Repository, source: Source, node: ast.ClassDef, depth: int = 0) -> bool:
    """Whether making a class only makes it: no base, metaclass or decorator that may register it."""
    if node.keywords or depth > DEEPEST:
        return False
    if not all((dotted(one) or ("?",))[-1] in DECORATORS for one in node.decorator_list):
        return False
    for base in node.bases:
        inner = base.value if isinstance(base, ast.Subscript) else base
        symbol = repository.symbol(source, inner)
        if symbol is None and (dotted(inner) or ("?",))[-1] in BASES:
            continue
        if symbol is None or not isinstance(symbol.node, ast.ClassDef):
            return False
        hooked = any(isinstance(one, Function) and one.name == "__init_subclass__" for one in symbol.node.body)
        if hooked or not is_quiet_class(repository, symbol.source, symbol.node, depth + 1):
            return False
    return all(_is_quiet_statement(repository, source, one) for one in node.body)


def is_quiet_value(repository: Repository, source: Source, node: ast.AST | None) -> bool:
    """Whether computing a value does nothing else: also by calls of the repository's own functions that only answer."""
    if is_pure(node):
        return True
    if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set | ast.BinOp | ast.Compare | ast.BoolOp | ast.IfExp):
        inner = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
        return all(is_quiet_value(repository, source, one) for one in inner)
    if isinstance(node, ast.Call) and all(
        is_quiet_value(repository, source, one) for one in (*node.args, *(each.value for each in node.keywords))
    ):
        symbol = repository.symbol(source, node.func) if isinstance(node.func, ast.Name | ast.Attribute) else None
        if symbol is None:
            return (dotted(node.func) or ("?",))[-1] in MAKERS
        return _only_answers(symbol)
    return False


def _only_answers(symbol: Symbol) -> bool:
    """A function of the repository that returns what it is given, or a class of plain data."""
    node = symbol.node
    if isinstance(node, ast.ClassDef):
        methods = {one.name for one in node.body if isinstance(one, Function)}
        return not methods & {"__init__", "__new__", "__post_init__"} and not node.keywords and not node.bases
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return len(body) == 1 and isinstance(body[0], ast.Return) and is_pure(body[0].value)


def is_quiet_module(repository: Repository, source: Source, alias: ast.alias | ast.AST, depth: int = 0) -> bool:
    """Whether an import can go: what it names is a library's, or a file of the repository that only defines things."""
    above = source.parents.get(alias)
    if not isinstance(alias, ast.alias):
        return False
    if not isinstance(above, ast.ImportFrom):
        module = repository.module(alias.name)
    else:
        name = repository.imported_from(source, above)
        module = repository.module(f"{name}.{alias.name}") or repository.module(name)
    return module is None or module is source or _defines_only(repository, module, depth)


def _defines_only(repository: Repository, module: Source, depth: int) -> bool:
    if depth > DEEPEST:
        return True  # a circle of imports: each of its files is judged by the first look at it
    for node in module.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.name != "*" and not is_quiet_module(repository, module, alias, depth + 1):
                    return False
        elif not _is_quiet_statement(repository, module, node):
            return False
    return True


def _is_quiet_statement(repository: Repository, source: Source, node: ast.stmt) -> bool:
    if isinstance(node, Function):
        return is_quiet_function(node)
    if isinstance(node, ast.ClassDef):
        return is_quiet_class(repository, source, node)
    if isinstance(node, ast.Assign):
        plain = all(isinstance(one, ast.Name) for one in node.targets)
        return plain and is_quiet_value(repository, source, node.value)
    if isinstance(node, ast.AnnAssign):
        return is_quiet_value(repository, source, node.value)
    if isinstance(node, ast.If):
        return is_pure(node.test) and all(
            isinstance(one, ast.Import | ast.ImportFrom) or _is_quiet_statement(repository, source, one)
            for one in (*node.body, *node.orelse)
        )
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass | ast.Import | ast.ImportFrom)
