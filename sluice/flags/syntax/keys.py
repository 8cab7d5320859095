"""Where a text reads flags: the calls, and the keys that they are handed, through constants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall
from sluice.flags.spelling import camel
from sluice.flags.syntax.facts import Facts
from sluice.flags.syntax.members import taken
from sluice.flags.syntax.scopes import Binding, Scopes
from sluice.flags.syntax.text.tree import Tree, Trees, ancestors, named, same, span

LITERAL, CONSTANT, PARAMETER = "literal", "constant", "parameter"
OWNERS = ("enum_declaration", "class_declaration", "interface_declaration", "variable_declarator", "record_declaration")
ROWS = (
    "const_spec",
    "var_spec",
    "variable_declarator",
    "enum_assignment",
    "pair",
    "enum_constant",
    "public_field_definition",
)
GETTER = re.compile(r"^(.+?)\.(?:(?:get)?(?:[kK]ey|[vV]alue|[nN]ame|[fF]lag[kK]ey)|toString|id)(?:\(\))?$")
CONVERSION = re.compile(r"^[\w.]+\(([\w.]+)\)$")


@dataclass(frozen=True)
class Constant:
    """A name that is a string for good."""

    name: str
    owner: str
    value: str
    path: str
    row: SgNode


@dataclass(frozen=True)
class Reading:
    """A call that reads a flag.

    Attributes:
        key: the flag's key; None where it is not known.
        why: how it is known, or why it is not.
        parameter: the parameter of the function around it that is handed on as the key.
        local: the variable that is declared with it, where it is taken from all flags by a pattern.
    """

    node: SgNode
    call: FlagCall
    key: str | None
    why: str
    parameter: Binding | None = None
    local: SgNode | None = None

    def means(self, flag: str) -> bool:
        """Whether it reads this flag."""
        return self.key is not None and (self.key == flag or (self.call.members and self.key == camel(flag)))


class Repository:
    """The texts of one language in one repository."""

    def __init__(self, files: Mapping[str, str], facts: Facts) -> None:
        self.files = files
        self.facts = facts
        self._trees = Trees(files, facts)
        self._constants: dict[str, tuple[Constant, ...]] = {}

    def tree(self, path: str) -> Tree:
        """One text as a tree."""
        return self._trees.of(path)

    def holding(self, word: str) -> tuple[str, ...]:
        """The files that have a word."""
        return tuple(path for path, text in self.files.items() if word in text)

    def constants(self, name: str) -> tuple[Constant, ...]:
        """Every constant of that name."""
        if name not in self._constants:
            found = [one for path in self.holding(name) for one in constants_in(self.tree(path), name)]
            self._constants[name] = tuple(found)
        return self._constants[name]

    def readings(self, tree: Tree, calls: tuple[FlagCall, ...]) -> Iterator[Reading]:
        """Each call in a text that reads a flag, in the order of the text."""
        words = sorted({call.parts[-1] for call in calls if call.parts[-1] in tree.text})
        if not words:
            return
        pattern = "^(" + "|".join(re.escape(word) for word in words) + ")$"
        seen = set()
        for leaf in tree.root.find_all(regex=pattern):
            node = next((above for above in ancestors(leaf) if above.kind() in self.facts.calls), None)
            if not leaf.is_leaf() or node is None or span(node) in seen:
                continue
            callee = tree.callee(node)
            for call in calls:
                fits = callee[-1:] == (leaf.text(),) and call.named(callee)
                if fits and (found := self._read_by(tree, node, call)):
                    seen.add(span(node))
                    yield from found
                    break

    def _read_by(self, tree: Tree, node: SgNode, call: FlagCall) -> list[Reading]:
        if not call.members:
            reading = self._reading(tree, node, call)
            return [reading] if reading is not None else []
        members = {span(one.node): one for one in taken(tree, node)}
        return [Reading(one.node, call, one.key, one.why, None, one.local) for one in members.values()]

    def _reading(self, tree: Tree, node: SgNode, call: FlagCall) -> Reading | None:
        argument = key_argument(tree, node, call)
        if argument is None:
            return None
        key, why = self.key(tree, argument)
        parameter = Scopes(tree).meant(argument) if key is None and argument.is_leaf() else None
        if parameter is not None and parameter.scope.kind() not in self.facts.functions:
            parameter = None
        return Reading(node, call, key, why, parameter)

    def key(self, tree: Tree, node: SgNode) -> tuple[str | None, str]:
        """The string that an expression is, and how that is known."""
        if (value := tree.string(node)) is not None:
            return value, LITERAL
        if node.kind() in self.facts.strings:
            return None, "the key is put together at run time"
        text = re.sub(r"\s+", "", node.text())
        for pattern in (CONVERSION, GETTER):
            if found := pattern.match(text):
                text = found[1]
        text = text.removeprefix("this.")
        if not re.fullmatch(r"[\w$]+(\.[\w$]+)*", text):
            return None, "the key is put together at run time"
        owner, _, name = text.rpartition(".")
        return self._named(tree, node, owner.rpartition(".")[2], name)

    def _named(self, tree: Tree, node: SgNode, owner: str, name: str) -> tuple[str | None, str]:
        meant = Scopes(tree).meant(node) if not owner and node.is_leaf() else None
        if meant is not None and "import" not in meant.declaration.kind():
            own = [
                one for one in self.constants(name) if one.path == tree.path and same_row(one.row, meant.declaration)
            ]
            if len(own) == 1:
                return own[0].value, CONSTANT
            return None, f"what `{name}` is, is only known at run time"
        known = [one for one in self.constants(name) if self._is_seen(tree, one, owner)]
        near = [one for one in known if PurePosixPath(one.path).parent == PurePosixPath(tree.path).parent] or known
        if len({one.value for one in near}) == 1:
            return near[0].value, CONSTANT
        return None, f"`{owner}{'.' if owner else ''}{name}` is not a constant of this repository"

    def _is_seen(self, tree: Tree, one: Constant, owner: str) -> bool:
        if self.facts.packages:
            package = PurePosixPath(one.path).parent.name
            return (
                owner == package or f"package {owner}\n" in self.files[one.path].replace("\r", "")
                if owner
                else (PurePosixPath(one.path).parent == PurePosixPath(tree.path).parent)
            )
        return one.owner == owner or (not owner and name_is_imported(tree, one))


def name_is_imported(tree: Tree, one: Constant) -> bool:
    """Whether a name of another class is brought in as a static import."""
    return f"{one.owner}.{one.name};" in tree.text


def same_row(row: SgNode, declaration: SgNode) -> bool:
    """Whether two nodes of two readings of one text are at one place."""
    return span(row) == span(declaration)


def key_argument(tree: Tree, node: SgNode, call: FlagCall) -> SgNode | None:
    """The argument with the key: by its position, or as the field of an argument that is an object."""
    arguments = tree.arguments(node)
    if call.key.name is not None:
        wanted = call.key.name.replace("_", "").lower()
        for argument in arguments:
            for pair in tree.find({"pair", "keyed_element"}, within=argument):
                parts = named(pair)
                if len(parts) == 2 and parts[0].text().strip("\"'").replace("_", "").lower() == wanted:
                    return _unwrapped(parts[1])
    if call.key.position is None or call.key.position >= len(arguments):
        return None
    return arguments[call.key.position]


def _unwrapped(node: SgNode) -> SgNode:
    inner = named(node)
    return inner[0] if node.kind() == "literal_element" and inner else node


def constants_in(tree: Tree, name: str) -> Iterator[Constant]:
    """The constants of that name in a text."""
    for leaf in tree.named(name):
        row = leaf.parent()
        if row is None or row.kind() not in ROWS:
            continue
        own = row.field("name") or row.field("key")
        if not same(own, leaf):
            continue
        value = _value(tree, row)
        if value is not None and (row.kind() not in {"variable_declarator", "var_spec"} or _is_fixed(row)):
            yield Constant(name, _owner(row), value, tree.path, row)


def _is_fixed(row: SgNode) -> bool:
    above = row.parent()
    start = above.text()[: span(row)[0] - span(above)[0]] if above is not None else ""
    return bool(re.search(r"\b(const|final)\b", start))


def _value(tree: Tree, row: SgNode) -> str | None:
    if row.kind() == "enum_constant":
        arguments = row.field("arguments")
        strings = [tree.string(one) for one in named(arguments)] if arguments is not None else []
        return strings[0] if strings else None
    node = row.field("value")
    while node is not None and node.kind() in {
        "expression_list",
        "as_expression",
        "satisfies_expression",
        *tree.facts.parens,
    }:
        inner = named(node)
        if node.kind() == "expression_list" and len(inner) != 1:
            return None
        node = inner[0]
    return tree.string(node) if node is not None else None


def _owner(row: SgNode) -> str:
    for above in ancestors(row):
        if above.kind() in OWNERS and not same(above, row) and (name := above.field("name")) is not None:
            return name.text()
    return ""
