"""Tests of what only the removed code used: they go with it, where they try nothing else."""

from __future__ import annotations

import re

from ast_grep_py import SgNode

from sluice.flags.syntax.scopes import Binding, Scopes
from sluice.flags.syntax.text.code import Code
from sluice.flags.syntax.text.tree import Tree, inside, named, span

Test = tuple[str, SgNode]
"""A file and a function of it."""


def tests_of(code: Code, tree: Tree, binding: Binding) -> list[Test] | None:
    """The tests that go with a declaration which nothing else names; None where something does."""
    own = span(binding.declaration)
    found: list[Test] = []
    for path in code.facts.visible(tree.path, tuple(code.texts)):
        if binding.name not in code.texts[path]:
            continue
        one = code.now.of(path)
        for leaf in one.named(binding.name):
            if path == tree.path and inside(leaf, own):
                continue
            # What tests share goes with the last of them, never they with it.
            test = _around(one, leaf) if code.facts.is_test(path) and not code.facts.is_test(tree.path) else None
            if test is None or _tries_more(code, one, test, binding.name):
                return None
            if not any(inside(test, other) and path == place for place, other in found):
                found.append((path, test))
    return None if re.search(rf"[\"'`]{re.escape(binding.name)}[\"'`]", tree.text) else found


def _around(tree: Tree, leaf: SgNode) -> SgNode | None:
    """The test that a name stands in: a function at the top of a file that nothing names."""
    for one in named(tree.root):
        name = one.field("name") if inside(leaf, one) and one.kind() in tree.facts.functions else None
        if name is not None and tree.facts.tries(name.text()) and len(tree.named(name.text())) == 1:
            return one
    return None


def _tries_more(code: Code, tree: Tree, test: SgNode, name: str) -> bool:
    """Whether a test also names code that stays: then it says something of that, and stays too."""
    scopes = Scopes(tree)
    names: set[str] = set()
    for leaf in tree.find(code.facts.names, within=test):
        meant = scopes.meant(leaf) if leaf.kind() in code.facts.identifiers and code.facts.variable(leaf) else None
        local = meant is not None and inside(meant.leaf, test)
        if not local and leaf.text() != name:
            names.add(leaf.text())
    paths = [one for one in code.facts.visible(tree.path, tuple(code.texts)) if not code.facts.is_test(one)]
    if any(_declares(code.now.of(path), names) for path in paths if any(one in code.texts[path] for one in names)):
        return True
    folders = {path.rpartition("/")[0]: path for path in code.texts}
    own = [code.facts.imported(tree.root, tree.path, other, one) for other in folders.values() for one in names]
    return any(local[0] in names for found in own for local in found)


def _declares(tree: Tree, names: set[str]) -> bool:
    """Whether a text declares one of these at its top, or as a method or field."""
    top = ("source_file", "program", "class_body")
    scopes = Scopes(tree)
    bound = any(one.scope.kind() in top for name in names for one in scopes.of(name))
    members = tree.find({"method_declaration", "field_declaration"})
    return bound or any(one.text() in names for row in members for one in row.field_children("name"))
