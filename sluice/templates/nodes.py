"""What a template is made of, once it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`"""


@dataclass(frozen=True, slots=True)
class Constant:
    """A string, a number, a truth value."""

    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B`, of the dot."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.A.B`; `$` is the data that the template was given."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """`(…).A.B`"""

    of: Pipe
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, the value of each being the last argument of the next.

    Attributes:
        commands: the words of each.
        declared: the variables that get the value.
        assigns: whether they are there already.
    """

    commands: tuple[tuple[Operand, ...], ...]
    declared: tuple[str, ...] = ()
    assigns: bool = False


Operand = Dot | Nil | Constant | Field | Variable | Chain | Function | Pipe


@dataclass(frozen=True, slots=True)
class Text:
    """What is written as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """An action whose value is written, unless it sets variables."""

    pipe: Pipe
    line: int


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`, with what is done otherwise."""

    kind: str
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Call:
    """`template "name" pipeline`"""

    name: str
    pipe: Pipe | None
    line: int


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str


Node = Text | Print | Branch | Call | Jump


@dataclass(slots=True)
class Template:
    """A template that was read.

    Attributes:
        body: what it does.
        named: the templates that it defines, by name.
    """

    body: tuple[Node, ...]
    named: dict[str, tuple[Node, ...]] = field(default_factory=dict)
