"""What nothing uses any more once a branch is gone: variables, imports, constants of the key, private functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall
from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.keys import constants_in
from sluice.flags.syntax.labels import unused_label
from sluice.flags.syntax.rules.expressions import pure
from sluice.flags.syntax.rules.variables import removal_of
from sluice.flags.syntax.scopes import Binding, Scopes
from sluice.flags.syntax.tests_of import tests_of
from sluice.flags.syntax.text.code import Code, row_removed
from sluice.flags.syntax.text.lines import deletion
from sluice.flags.syntax.text.tree import Edit, Tree, ancestors, apply, inside, named, span

WORD = re.compile(r"[A-Za-z_$][\w$]*")
MOST_ROUNDS = 200
HEADS = ("parameter", "catch", "import", "label", "type_parameter")


class UnusedError(Exception):
    """Something that has to go or the text is no program any more, and that no edit is known for."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


def cleaned(
    before: Mapping[str, str], after: dict[str, str], facts: Facts, key: str, calls: tuple[FlagCall, ...]
) -> dict[str, str]:
    """The texts without what only the code that went has used.

    Raises:
        UnusedError: where that cannot be done and has to be.
    """
    code = Code(before, dict(after), facts, key, calls)
    texts = code.texts
    for _ in range(MOST_ROUNDS):
        changed = [path for path in texts if texts[path] is not before[path] and texts[path] != before[path]]
        found = next(
            (edit for path in changed for edit in [_unused(code, path, _fewer(before[path], texts[path]))] if edit),
            None,
        )
        if found is None:
            break
        path, edits = found
        texts[path] = apply(texts[path], edits)
    return texts


def _fewer(before: str, after: str) -> list[str]:
    """The names that a text has less often than it had."""
    now = Counter(WORD.findall(after))
    return [name for name, count in Counter(WORD.findall(before)).items() if now[name] < count]


def _unused(code: Code, path: str, names: list[str]) -> tuple[str, tuple[Edit, ...]] | None:
    facts = code.facts
    tree = code.now.of(path)
    neighbours = facts.visible(path, tuple(code.texts))
    if facts.is_test(path):  # a test that went says nothing of what it tried
        neighbours = tuple(one for one in neighbours if facts.is_test(one))
    for name in names:
        for seen in neighbours:
            if name not in code.texts[seen]:
                continue
            if found := _of_name(code, code.now.of(seen), code.then.of(path) if seen == path else None, name):
                return found
        if edits := unused_label(tree, name):
            return path, edits
        if name in tree.unread:
            continue
        if edits := facts.unused_import(tree.root, tree.text, name, tree.named(name)):
            return path, edits
        if found := _constant(code, name):
            return found
    return None


def _constant(code: Code, name: str) -> tuple[str, tuple[Edit, ...]] | None:
    """A constant of the key that nothing names any more, wherever it is declared."""
    declared = [code.now.of(path) for path in code.with_key if name in code.texts[path]]
    rows = [(tree.path, one.row) for tree in declared for one in constants_in(tree, name) if one.value == code.key]
    if len(rows) != 1:
        return None
    word = re.compile(rf"\b{re.escape(name)}\b")
    naming = [path for path, text in code.texts.items() if name in text and word.search(text)]
    if len([leaf for path in naming for leaf in code.now.of(path).named(name)]) != 1:
        return None
    path, row = rows[0]
    return path, row_removed(code.now.of(path), row)


def _of_name(code: Code, tree: Tree, old: Tree | None, name: str) -> tuple[str, tuple[Edit, ...]] | None:
    scopes = Scopes(tree)
    for binding in scopes.of(name):
        kind = binding.declaration.kind()
        if any(head in kind for head in HEADS) or kind in {"receiver"}:
            continue
        uses = scopes.uses(binding)
        again = scopes.again(binding)
        uses += [use for one in again for use in scopes.uses(one)]
        known = old is not None and _was_unused(old, binding)
        if not _is_local(tree, binding):
            if name in tree.unread:
                continue
            if (
                not known
                and not tree.facts.exported(binding.declaration)
                and (found := _forgotten(code, tree, binding))
            ):
                return found
            continue
        written = tree.facts.unused_is_an_error and all(_only_written(scopes, use) for use in uses)
        if known and not tree.facts.unused_is_an_error:
            continue
        if (not uses or written) and (edits := _local(code, tree, scopes, binding, uses, again)):
            return tree.path, edits
    return None


def _is_local(tree: Tree, binding: Binding) -> bool:
    return binding.scope.kind() not in {"source_file", "program", "class_body", "enum_body_declarations"}


def _only_written(scopes: Scopes, use: SgNode) -> bool:
    above = use.parent()
    left = above.parent() if above is not None and above.kind() == "expression_list" else above
    side = left.field("left") if left is not None and left.kind() == "assignment_statement" else None
    sign = left.field("operator") if left is not None else None
    return side is not None and inside(use, side) and (sign is None or sign.text() == "=") and scopes.is_written(use)


def _was_unused(old: Tree, binding: Binding) -> bool:
    """Whether a declaration was without any use before."""
    scopes = Scopes(old)
    text = binding.declaration.text()
    same_text = [one for one in scopes.of(binding.name) if one.declaration.text() == text]
    if len(old.named(binding.name)) > len(scopes.of(binding.name)) and not _is_local(old, binding):
        return False
    return any(not scopes.uses(one) for one in same_text)


def _local(
    code: Code, tree: Tree, scopes: Scopes, binding: Binding, uses: list[SgNode], again: list[Binding]
) -> tuple[Edit, ...]:
    declaration = binding.declaration
    if uses:
        raise UnusedError(tree.path, f"`{binding.name}` would only be assigned, never used")
    if declaration.kind() in tree.facts.functions:
        return (deletion(tree, declaration),)
    if declaration.kind() not in tree.facts.declarators:
        return tree.facts.unused_local(tree.text, declaration, binding.leaf) or _refused(tree, binding)
    names = [one for one in scopes.all if span(one.declaration) == span(declaration)]
    value = declaration.field("right") or declaration.field("value")
    if len(names) == 1 and not again and code.all_flags(tree, value):
        return removal_of(tree, declaration)
    if len(names) > 1 or not (binding.leaf.parent() is not None and _is_plain(declaration, binding)):
        return tree.facts.unused_local(tree.text, declaration, binding.leaf) or _refused(tree, binding)
    if again:
        return _refused(tree, binding)
    if value is None or pure(tree, value) or tree.facts.harmless(value):
        return removal_of(tree, declaration)
    above = declaration.parent()
    whole = declaration if declaration.kind() == "short_var_declaration" else above
    if whole is None or (holder := whole.parent()) is None or holder.kind() not in tree.facts.lists:
        return _refused(tree, binding)
    start, end = span(whole)
    return (Edit(start, start + tree.text[start:end].index(value.text()), ""),) if whole.text().count("=") else ()


def _is_plain(declaration: SgNode, binding: Binding) -> bool:
    name = declaration.field("name") or declaration.field("left")
    return name is not None and name.text() == binding.name


def _refused(tree: Tree, binding: Binding) -> tuple[Edit, ...]:
    if tree.facts.unused_is_an_error:
        raise UnusedError(tree.path, f"`{binding.name}` would be declared and not used")
    return ()


def _forgotten(code: Code, tree: Tree, binding: Binding) -> tuple[str, tuple[Edit, ...]] | None:
    """The edit that takes away a declaration which nothing names but itself, or the first of the tests that go with it."""
    tests = tests_of(code, tree, binding)
    edits = _declaration(tree, binding) if tests is not None else ()
    if not edits or not tests:
        return (tree.path, edits) if edits else None
    path, test = tests[0]
    return path, (deletion(code.now.of(path), test),)


def _declaration(tree: Tree, binding: Binding) -> tuple[Edit, ...]:
    declaration = binding.declaration
    if declaration.kind() in tree.facts.functions and declaration.kind() != "arrow_function":
        return (deletion(tree, declaration),) if _is_free(tree, declaration) else ()
    if declaration.kind() in tree.facts.declarators:
        value = declaration.field("value")
        functions = value is not None and value.kind() in tree.facts.functions
        if value is None or functions or pure(tree, value) or tree.facts.harmless(value):
            names = [one for one in Scopes(tree).all if span(one.declaration) == span(declaration)]
            return removal_of(tree, declaration) if len(names) == 1 or functions else ()
        return ()
    if "_spec" in declaration.kind() or "type_" in declaration.kind():
        above = declaration.parent()
        rows = [one for one in named(above) if one.kind() == declaration.kind()] if above is not None else []
        whole = above if above is not None and above.kind().endswith("_declaration") and len(rows) == 1 else declaration
        return (deletion(tree, whole),)
    if declaration.kind().endswith("_declaration"):
        return (deletion(tree, declaration),)
    return ()


def _is_free(tree: Tree, declaration: SgNode) -> bool:
    """Whether a function is called by nothing but its name: not `main` or `init`, no method of an interface."""
    name = declaration.field("name")
    if name is not None and name.text() in {"main", "init", "constructor"}:
        return False
    if declaration.field("receiver") is not None:
        return False
    head = tree.text[span(declaration)[0] : span(name)[0]] if name is not None else ""
    return "@" not in head and not any(above.kind() in {"object", "object_literal"} for above in ancestors(declaration))
