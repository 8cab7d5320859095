"""What nothing uses any more once a branch is gone: variables, imports, constants of the key, private functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.keys import constants_in
from sluice.flags.syntax.labels import unused_label
from sluice.flags.syntax.lines import deletion, line_end, line_start, with_comments
from sluice.flags.syntax.rules.expressions import pure
from sluice.flags.syntax.rules.variables import removal_of
from sluice.flags.syntax.scopes import Binding, Scopes
from sluice.flags.syntax.tree import Edit, Tree, Trees, ancestors, apply, inside, named, span

WORD = re.compile(r"[A-Za-z_$][\w$]*")
MOST_ROUNDS = 200
HEADS = ("parameter", "catch", "import", "label", "type_parameter")


class UnusedError(Exception):
    """Something that has to go or the text is no program any more, and that no edit is known for."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass
class Code:
    """All texts, before and now, with the flag's key."""

    before: Mapping[str, str]
    texts: dict[str, str]
    facts: Facts
    key: str

    def __post_init__(self) -> None:
        self.then, self.now = Trees(self.before, self.facts), Trees(self.texts, self.facts)
        self.with_key = tuple(path for path, text in self.texts.items() if self.key in text)
        """The files that name it: cleaning adds none."""


def cleaned(before: Mapping[str, str], after: dict[str, str], facts: Facts, key: str) -> dict[str, str]:
    """The texts without what only the code that went has used.

    Raises:
        UnusedError: where that cannot be done and has to be.
    """
    code = Code(before, dict(after), facts, key)
    texts = code.texts
    for _ in range(MOST_ROUNDS):
        changed = [path for path in texts if texts[path] is not before[path] and texts[path] != before[path]]
        found = next(
            (edit for path in changed for edit in [_unused(code, path, _fewer(before[path], texts[path]))] if edit), None
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
    for name in names:
        for seen in neighbours:
            if name not in code.texts[seen]:
                continue
            if edits := _of_name(code, code.now.of(seen), code.then.of(path) if seen == path else None, name):
                return seen, edits
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


def row_removed(tree: Tree, row: SgNode) -> tuple[Edit, ...]:
    """The edit that takes one row of a list (constants, members, properties) away, with its comma."""
    if row.kind() in tree.facts.declarators:
        return removal_of(tree, row)
    if row.kind() not in {"pair", "enum_assignment", "enum_constant"}:
        return (deletion(tree, row),)
    after, before = row.next(), row.prev()
    if after is not None and after.kind() == ",":
        text = tree.text
        start, end = span(row)[0], span(after)[1]
        alone = not text[line_start(text, start) : start].strip()
        if alone and not re.sub(r"//[^\n]*", "", text[end : line_end(text, end)]).strip():
            return (Edit(with_comments(tree, row), line_end(text, end), ""),)
        return (Edit(start, end + len(text[end:]) - len(text[end:].lstrip(" ")), ""),)
    if before is not None and before.kind() == ",":
        return (Edit(span(before)[0], span(row)[1], ""),)
    return (Edit(*span(row), ""),)


def _of_name(code: Code, tree: Tree, old: Tree | None, name: str) -> tuple[Edit, ...]:
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
            if not known and not tree.facts.exported(binding.declaration) and _is_forgotten(code, tree, binding):
                return _declaration(tree, binding)
            continue
        written = tree.facts.unused_is_an_error and all(_only_written(scopes, use) for use in uses)
        if known and not tree.facts.unused_is_an_error:
            continue
        if (not uses or written) and (edits := _local(tree, scopes, binding, uses, again)):
            return edits
    return ()


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


def _local(tree: Tree, scopes: Scopes, binding: Binding, uses: list[SgNode], again: list[Binding]) -> tuple[Edit, ...]:
    declaration = binding.declaration
    if uses:
        raise UnusedError(tree.path, f"`{binding.name}` would only be assigned, never used")
    if declaration.kind() in tree.facts.functions:
        return (deletion(tree, declaration),)
    if declaration.kind() not in tree.facts.declarators:
        return tree.facts.unused_local(tree.text, declaration, binding.leaf) or _refused(tree, binding)
    names = [one for one in scopes.all if span(one.declaration) == span(declaration)]
    value = declaration.field("right") or declaration.field("value")
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


def _is_forgotten(code: Code, tree: Tree, binding: Binding) -> bool:
    """Whether nothing that sees a declaration names it, but itself."""
    own = span(binding.declaration)
    for path in tree.facts.visible(tree.path, tuple(code.texts)):
        if binding.name not in code.texts[path]:
            continue
        for leaf in code.now.of(path).named(binding.name):
            if path != tree.path or not inside(leaf, own):
                return False
    return not re.search(rf"[\"'`]{re.escape(binding.name)}[\"'`]", tree.text)


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
