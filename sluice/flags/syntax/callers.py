"""The calls of a function that answers a flag: only those that can be nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ast_grep_py import SgNode

from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.scopes import Scopes
from sluice.flags.syntax.text.tree import Tree, ancestors, same, span
from sluice.flags.syntax.wrappers import Answering

METHODS = frozenset({"method_definition", "method_declaration"})
CLASSES = frozenset(
    {"class_declaration", "class", "abstract_class_declaration", "enum_declaration", "record_declaration"}
)


def callers(texts: Mapping[str, str], facts: Facts, path: str, found: Answering) -> Iterator[tuple[str, SgNode]]:
    """Each call of it, with the file."""
    tree = Tree(path, texts[path], facts)
    name = found.name.text()
    binding = Scopes(tree).meant(found.name)
    if binding is None or Scopes(tree).again(binding):
        return
    if found.node.kind() in METHODS:
        yield from _of_method(texts, tree, found)
        return
    for leaf in Scopes(tree).uses(binding):
        if (call := _call_of(tree, leaf)) is not None:
            yield path, call
    for other in facts.visible(path, tuple(texts)):
        if other != path and name in texts[other]:
            elsewhere = Tree(other, texts[other], facts)
            for leaf in elsewhere.named(name):
                free = facts.variable(leaf) and Scopes(elsewhere).meant(leaf) is None
                if free and (call := _call_of(elsewhere, leaf)) is not None:
                    yield other, call
    yield from _imported(texts, facts, path, name)


def _call_of(tree: Tree, leaf: SgNode) -> SgNode | None:
    above = leaf.parent()
    if above is None or above.kind() not in tree.facts.calls:
        return None
    called = above.field("function") or above.field("name")
    return above if same(called, leaf) and above.field("object") is None else None


def _of_method(texts: Mapping[str, str], tree: Tree, found: Answering) -> Iterator[tuple[str, SgNode]]:
    """Calls by `this.`, by the name alone (Java), or by the class of a static method; never of what may be overridden."""
    owner = next((above for above in ancestors(found.node) if above.kind() in CLASSES), None)
    title = owner.field("name") if owner is not None else None
    if owner is None or title is None:
        return
    head = tree.text[span(found.node)[0] : span(found.name)[0]]
    fixed = re.search(r"\b(private|static|final)\b", head) is not None
    if not fixed and any(re.search(rf"\bextends\s+{re.escape(title.text())}\b", text) for text in texts.values()):
        return
    for leaf in tree.named(found.name.text()):
        above = leaf.parent()
        if above is None or span(leaf) == span(found.name):
            continue
        call = above if above.kind() in tree.facts.calls else above.parent()
        if call is None or call.kind() not in tree.facts.calls or tree.callee(call)[-1:] != (leaf.text(),):
            continue
        within = next((one for one in ancestors(leaf) if one.kind() in CLASSES), None)
        if same(within, owner) and tree.callee(call) in {("this", leaf.text()), *_bare(tree, leaf)}:
            yield tree.path, call
    if re.search(r"\bstatic\b", head):
        yield from _static(texts, tree.facts, title.text(), found.name.text())


def _bare(tree: Tree, leaf: SgNode) -> set[tuple[str, ...]]:
    return {(leaf.text(),)} if tree.facts.bare_methods else set()


def _static(texts: Mapping[str, str], facts: Facts, title: str, name: str) -> Iterator[tuple[str, SgNode]]:
    classes = [path for path, text in texts.items() if re.search(rf"\b(class|enum|interface|record)\s+{title}\b", text)]
    if len(classes) != 1:
        return
    for path, text in texts.items():
        if title in text and name in text:
            tree = Tree(path, text, facts)
            for call in tree.find(facts.calls):
                if tree.callee(call) == (title, name):
                    yield path, call


def _imported(texts: Mapping[str, str], facts: Facts, path: str, name: str) -> Iterator[tuple[str, SgNode]]:
    """Calls in files that import it: `import { name } from "./file"`, or `package.Name(…)` in Go."""
    for other, text in texts.items():
        if other == path or name not in text:
            continue
        tree = Tree(other, text, facts)
        for local in facts.imported(tree.root, other, path, name):
            for call in tree.find(facts.calls):
                if tree.callee(call) == local and _is_plain(tree, call, local):
                    yield other, call


def _is_plain(tree: Tree, call: SgNode, local: tuple[str, ...]) -> bool:
    """Whether the first name is the import, not a variable of the same name."""
    text = tree.text[span(call)[0] :]
    if not text.startswith(local[0]):
        return False
    leaf = next((one for one in tree.named(local[0]) if span(one)[0] == span(call)[0]), None)
    meant = Scopes(tree).meant(leaf) if leaf is not None else None
    return meant is None or "import" in meant.declaration.kind()


def disposable(tree: Tree, call: SgNode) -> str | None:
    """The part of a call's arguments that may do more than give a value; None where nothing does."""
    for argument in tree.arguments(call):
        for part in tree.find(tree.facts.effects, within=argument):
            if part.kind() in MADE or part.kind() == "unary_expression":
                continue
            callee = tree.callee(part) if part.kind() in tree.facts.calls else ()
            if not callee or not (GIVES.match(callee[-1]) or (CHANGES.match(callee[-1]) and _of_own(tree, part))):
                return part.text()
    return None


def _of_own(tree: Tree, call: SgNode) -> bool:
    """Whether a method is called on what this very argument makes: `new Context().add("plan", plan)`."""
    function = call.field("function") or call
    receiver = function.field("object") or function.field("operand")
    return receiver is not None and (receiver.kind() in MADE or receiver.kind() in tree.facts.calls)


def _words(words: str) -> re.Pattern[str]:
    """Names that begin with one of these words as a whole: `get` is in `getUser` and `get_user`, not in `getaway`."""
    either = "|".join(f"[{word[0]}{word[0].upper()}]{word[1:]}|{word.upper()}" for word in words.split())
    return re.compile(rf"_?(?:{either})(?![a-z])")


MADE = frozenset({"new_expression", "object_creation_expression"})
GIVES = _words(
    "get new make with build builder to of from context background todo attribute attributes target user key id is has "
    "current default string len value name anonymous empty entity map list copy format sprintf sprint tenant email "
    "evaluation"
)
"""Names of what only gives or builds the context that a flag is asked with."""
CHANGES = _words("set put add append create")
"""Names of what does so on an object that nobody else has; on any other object they do more than give a value."""
