"""Which expressions may be dropped: those that do nothing but answer."""

from __future__ import annotations

import ast

QUIET = (ast.Constant, ast.Name, ast.Lambda)
MAKERS = frozenset(
    {"EvaluationContext", "EvaluationRequest", "Context", "UserContext", "Identity", "User"}
    | {"str", "int", "float", "bool", "dict", "list", "tuple", "set", "len", "isinstance"}
)
"""Calls that make the context that a flag is asked with, and Python's own that only convert."""
CLIENTS = frozenset({"get_client", "client", "get", "get_flag_client", "get_instance", "instance", "current"})
"""Calls that give the client of a flag service."""


def is_pure(node: ast.AST | None) -> bool:
    """Whether leaving an expression out changes nothing. An attribute counts as a plain read, as everywhere in Python."""
    if node is None or isinstance(node, QUIET):
        return True
    if isinstance(node, ast.Attribute | ast.Starred | ast.FormattedValue):
        return is_pure(node.value)
    if isinstance(node, ast.UnaryOp):
        return is_pure(node.operand)
    if isinstance(node, ast.BoolOp | ast.JoinedStr):
        return all(is_pure(one) for one in node.values)
    if isinstance(node, ast.Compare):
        return all(is_pure(one) for one in (node.left, *node.comparators))
    if isinstance(node, ast.IfExp):
        return all(is_pure(one) for one in (node.test, node.body, node.orelse))
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(is_pure(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        return all(is_pure(one) for one in (*node.keys, *node.values))
    if isinstance(node, ast.Call):
        made = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return made in MAKERS and is_pure(node.func) and arguments_are_pure(node)
    return False


def arguments_are_pure(node: ast.Call) -> bool:
    """Whether a call may be left out as far as its arguments go."""
    return all(is_pure(one) for one in (*node.args, *(keyword.value for keyword in node.keywords)))


def receiver_is_pure(node: ast.AST) -> bool:
    """Whether what a flag is asked of is a client, or a call that gives one."""
    if isinstance(node, ast.Name):
        return True
    if isinstance(node, ast.Attribute):
        return receiver_is_pure(node.value)
    if isinstance(node, ast.Call):
        given = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        client = given in CLIENTS or given.endswith(("Client", "_client"))
        return client and receiver_is_pure(node.func) and arguments_are_pure(node)
    return False
