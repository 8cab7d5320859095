"""What a removal leaves for people to look at, besides the calls that it kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall
from sluice.flags.languages.base import Left
from sluice.flags.reference import Place
from sluice.flags.syntax.keys import Repository
from sluice.flags.syntax.text.tree import Tree, inside, span

TELLING = re.compile(r"[^A-Za-z]|[a-z][A-Z]")
"""A key that is more than one word of a language: where it is written, it is the flag that is meant."""


def mentions(repository: Repository, calls: tuple[FlagCall, ...], flag: str, path: str, text: str) -> Iterator[Left]:
    """Where the key is still written, though not as the key of a call that is known."""
    if not TELLING.search(flag):
        return
    tree = Tree(path, text, repository.facts)
    read = [span(one.node) for one in repository.readings(tree, calls) if one.means(flag)]
    for string in tree.find(repository.facts.strings):
        if tree.string(string) == flag and not any(inside(string, one) for one in read):
            yield Left(_former(repository, text, place_of(tree, string)), "the key is written here, too")


def still_called(repository: Repository, names: Collection[str], path: str, text: str) -> Iterator[Left]:
    """Calls that may be of functions which give nothing but the flag's value by now: those of methods on any object."""
    if not any(name in text for name in names):
        return
    tree = Tree(path, text, repository.facts)
    for call in tree.find(repository.facts.calls):
        name = "".join(tree.callee(call)[-1:])
        if name in names:
            why = f"`{name}` gives what the flag has, and it is not sure that this is a call of it"
            yield Left(_former(repository, text, place_of(tree, call)), why)


def place_of(tree: Tree, node: SgNode) -> Place:
    """Where a node stands."""
    start = span(node)[0]
    line = tree.text.rfind("\n", 0, start) + 1
    return Place(tree.path, tree.text.count("\n", 0, start) + 1, start - line + 1)


def _former(repository: Repository, text: str, place: Place) -> Place:
    """The place before the removal: the same line of text, where there is one."""
    line = text.splitlines()[place.line - 1].strip()
    lines = [one.strip() for one in repository.files[place.path].splitlines()]
    return Place(place.path, lines.index(line) + 1 if line in lines else place.line, place.column)
