"""What the engine has to know of a language: the names its grammar gives to things, and the few ways in which it differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ast_grep_py import SgNode

Kinds = frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Characters from `start` to `end` that give way to `text`."""

    start: int
    end: int
    text: str


def kinds(*names: str) -> Kinds:
    """Node kinds."""
    return frozenset(names)


def _nothing(_node: SgNode) -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Facts:
    """One language. Kinds are those of its tree-sitter grammar."""

    name: str
    grammars: Mapping[str, str]
    """The grammar, by the end of a file's name."""
    calls: Kinds
    strings: Kinds
    identifiers: Kinds
    """Leaves that can be a variable."""
    names: Kinds
    """Leaves that are a name of any kind."""
    lists: Kinds
    """Nodes whose children are statements."""
    blocks: Kinds
    scopes: Kinds
    functions: Kinds
    bindings: Mapping[str, tuple[str, ...]]
    """Kinds that bring a name into scope, with the fields that hold it."""
    effects: Kinds
    """Expressions that may do more than give a value."""
    exits: Kinds
    """Statements after which nothing of their list runs."""
    declarations: Kinds
    """Statements that declare variables; each has declarators (or is one)."""
    declarators: Kinds
    literals: Mapping[str, str]
    """How true and false are written."""
    switches: Kinds
    cases: Kinds
    ternaries: Kinds = frozenset()
    awaits: Kinds = frozenset()
    parens: Kinds = frozenset({"parenthesized_expression"})
    unary: Kinds = frozenset({"unary_expression"})
    binary: Kinds = frozenset({"binary_expression"})
    members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Member accesses: the fields of the object and of the name."""
    transparent: Kinds = frozenset()
    """Expressions that only change how a value's type is seen."""
    statements: Kinds = frozenset({"expression_statement"})
    loops: Kinds = frozenset({"for_statement", "while_statement"})
    multiline: Kinds = frozenset()
    """Texts whose lines keep their indentation."""
    imports: Kinds = frozenset()
    writes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kinds that change a variable, with the fields that hold it (none: all of it)."""
    booleans_only: bool = True
    """Whether && and || give true or false, never one of their operands."""
    ordered: bool = True
    """Whether a name is in scope only after its declaration."""
    braces_optional: bool = False
    falls_through: bool = False
    """Whether a case of a switch goes on into the next one."""
    quote: str = '"'
    separators: str = ";"
    unused_is_an_error: bool = False
    shadows: bool = True
    """Whether an inner declaration may have the name of an outer variable."""
    retyped: Callable[[str, SgNode, SgNode, SgNode], str] = lambda _text, _whole, _kept, _gone: ""
    """Why a ternary may not give way to one of its sides: the other one has a part in its type. Empty where it may."""
    checked: Callable[[SgNode], bool] = _nothing
    """Whether a try statement may only stand around code that can fail as it catches."""
    exported: Callable[[SgNode], bool] = _nothing
    """Whether a declaration can be used from outside the file (or, in Go, the package)."""
    constant: Callable[[SgNode], bool] = _nothing
    """Whether a declared variable outside functions has its value for good."""
    visible: Callable[[str, tuple[str, ...]], tuple[str, ...]] = lambda path, _paths: (path,)
    """The files that see what a file declares without importing it."""
    bare_methods: bool = False
    """Whether a class calls its methods by their name alone."""
    packages: bool = False
    """Whether the files of a folder share their names, and others see them as `package.Name`."""
    imported: Callable[[SgNode, str, str, str], tuple[tuple[str, ...], ...]] = lambda _root, _path, _other, _name: ()
    """What a name of another file is called in this one (root, path, the other's path, the name)."""
    unused_import: Callable[[SgNode, str, str, list[SgNode]], tuple[Edit, ...]] = lambda _root, _text, _name, _leaves: ()
    """The edit that takes an import away where nothing uses its name (root, text, the name, its leaves)."""
    unused_local: Callable[[str, SgNode, SgNode], tuple[Edit, ...]] = lambda _text, _declaration, _leaf: ()
    """The edit that takes one of several names of a declaration away."""
    harmless: Callable[[SgNode], bool] = _nothing
    """Whether a value with calls in it is known to do nothing but give a value."""
    settled: Callable[[str, str], str] = lambda _before, after: after
    """A text as the language's formatter would have it, where something went (before, after)."""
    is_test: Callable[[str], bool] = lambda _path: False
    """Whether a file has nothing but tests, by its path."""
    tries: Callable[[str], bool] = lambda _name: False
    """Whether a function of such a file is a test, by its name."""
    emptied: Callable[[str], bool] = lambda text: not text.strip()
    """Whether a text has nothing left to say."""
    variable: Callable[[SgNode], bool] = lambda _leaf: True
    """Whether a leaf names a variable or function by itself, not a member of something."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The ends of the files' names."""
        return tuple(self.grammars)

    def grammar(self, path: str) -> str:
        """The grammar of a file; the longest end counts."""
        return next(self.grammars[end] for end in sorted(self.grammars, key=len, reverse=True) if path.endswith(end))
