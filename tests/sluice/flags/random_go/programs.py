"""Random programs in Go with random conditions on a flag: always the same one for a number."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

HEAD = """\
package programs

import (
	"fmt"

	"corpus/rt"
)

const (
	key{n}   = "{flag}"
	limit{n} = 2
)

// effect{n} is seen by who compares.
func effect{n}(v int) int {{
	rt.Note(fmt.Sprint("effect", v))
	return v
}}

func ok{n}(v int) bool {{
	rt.Note(fmt.Sprint("ok", v))
	return v > 0
}}

func only{n}(v int) int {{
	return v*limit{n} + 1
}}

{wrappers}
"""
BOOLEAN = """\
func on{n}() bool {{
	return rt.Client.Boolean(rt.Ctx, key{n}, false, rt.User)
}}

func off{n}() bool {{
	return !rt.Client.Boolean(rt.Ctx, "{flag}", false, rt.User)
}}

func enabled{n}(key string) bool {{
	return rt.Client.Boolean(rt.Ctx, key, false, rt.User)
}}
"""
VARIANT = """\
func layout{n}() string {{
	return rt.Client.String(rt.Ctx, key{n}, "narrow", rt.User)
}}
"""


@dataclass(frozen=True)
class Program:
    """One program: a file of the package `programs`, whose names have its number, and the flag's key and values."""

    number: int
    flag: str
    values: tuple[str, str]
    """With the flag on, and off."""
    text: str


class Writer:
    """What writes one program."""

    def __init__(self, number: int) -> None:
        self.r = Random(number)
        self.n = number
        self.variant = self.r.random() < 0.25
        self.flag = "layout" if self.variant else "new-checkout"
        self.count = 0
        self.bools: list[str] = []

    def program(self) -> Program:
        """The whole of it."""
        wrappers = (VARIANT if self.variant else BOOLEAN).format(n=self.n, flag=self.flag)
        body = [*self.block(3), "return fmt.Sprint(x, y, z)"]
        lines = ["x, y, z := 0, n, 1", *body]
        text = HEAD.format(n=self.n, flag=self.flag, wrappers=wrappers)
        text += f"func Case{self.n}(n int) string {{\n" + "\n".join(f"\t{line}" for line in lines) + "\n}\n"
        return Program(self.n, self.flag, ("wide", "narrow") if self.variant else ("true", "false"), text)

    def new(self, stem: str) -> str:
        """A name that no other variable has."""
        self.count += 1
        return f"{stem}{self.count}"

    def read(self) -> str:
        """An expression that is true or false by the flag."""
        if self.variant:
            asked = self.r.choice((f'rt.Client.String(rt.Ctx, "{self.flag}", "narrow", rt.User)', f"layout{self.n}()"))
            sign, value = self.r.choice(("==", "!=")), self.r.choice(('"wide"', '"narrow"'))
            return f"{asked} {sign} {value}"
        return self.r.choice(
            (
                f'rt.Client.Boolean(rt.Ctx, "{self.flag}", false, rt.User)',
                f"rt.Client.Boolean(rt.Ctx, key{self.n}, false, rt.User)",
                f"on{self.n}()",
                f"off{self.n}()",
                f"enabled{self.n}(key{self.n})",
                f'enabled{self.n}("another")',
            )
        )

    def condition(self, depth: int = 2) -> str:
        """An expression of type bool."""
        kind = self.r.randint(0, 10 if depth else 5)
        if kind <= 2:
            return self.read()
        if kind <= 5:
            plain = ["x > y", "n == 2", "y != z", f"ok{self.n}(x)", f"ok{self.n}(n - 1)", "rt.Yes(n)", *self.bools]
            return self.r.choice(plain)
        one, two = self.condition(depth - 1), self.condition(depth - 1)
        return {
            6: f"!({one})",
            7: f"({one} && {two})",
            8: f"({one} || {two})",
            9: f"({one}) == true",
            10: f"({one} && {two}) || ok{self.n}(z)",
        }[kind]

    def value(self) -> str:
        """An expression of type int."""
        n = self.n
        return self.r.choice(
            ("x", "y + 1", "z", "n", "3", f"effect{n}(x)", f"effect{n}(n)", f"only{n}(y)", f"len(key{n})", "z * 2")
        )

    def block(self, depth: int, loop: str = "") -> list[str]:
        """One to three statements."""
        bools, found = list(self.bools), []
        for _ in range(self.r.randint(1, 3)):
            found += self.statement(depth, loop)
        self.bools = bools
        return found

    def inner(self, depth: int, loop: str = "") -> list[str]:
        """A block's statements, indented."""
        return [f"\t{line}" for line in self.block(depth - 1, loop)]

    def simple(self, loop: str) -> list[str]:
        """A statement of one line."""
        choices = [
            f"{self.r.choice('xyz')} = {self.value()}",
            f"{self.r.choice('xyz')} += {self.value()}",
            f"x, z = {self.value()}, {self.value()}",
            f"effect{self.n}({self.value()})",
            f"rt.Note(fmt.Sprint({self.value()}))",
            "y++",
            f"rt.Note(fmt.Sprint({self.read()}))",
            f"return fmt.Sprint({self.value()}, {self.condition(1)})",
            *((loop, "continue") if loop else ()),
        ]
        return [*(["// why"] if self.r.random() < 0.1 else []), self.r.choice(choices)]

    def statement(self, depth: int, loop: str) -> list[str]:
        """A statement, with what is in it."""
        if not depth or self.r.random() < 0.3:
            return self.simple(loop)
        kinds = (self.branches, self.guard, self.kept, self.switched, self.loops, self.declared, self.closures)
        return self.r.choice(kinds)(depth, loop)

    def branches(self, depth: int, loop: str) -> list[str]:
        """`if`, `else if`, `else`."""
        found = [f"if {self.condition()} {{", *self.inner(depth, loop)]
        for _ in range(self.r.choice((0, 0, 1, 2))):
            found += [f"}} else if {self.condition()} {{", *self.inner(depth, loop)]
        return [*found, *(["} else {", *self.inner(depth, loop)] if self.r.random() < 0.5 else []), "}"]

    def guard(self, depth: int, loop: str) -> list[str]:
        """An early return."""
        leaves = self.r.choice([f'return "early" + fmt.Sprint({self.value()})', *([loop] if loop else [])])
        return [f"if {self.condition()} {{", f"\t{leaves}", "}"]

    def kept(self, depth: int, loop: str) -> list[str]:
        """A variable that has what was asked, sometimes with an error, sometimes assigned again."""
        name = self.new("v")
        if self.variant or self.r.random() < 0.5:
            head = [f"{name} := {self.condition(1)}"]
        elif self.r.random() < 0.5:
            asked = f'rt.Client.BooleanValue(rt.Ctx, "{self.flag}", false, rt.User)'
            return [f"if {name}, err := {asked}; err == nil && {name} {{", *self.inner(depth, loop), "}"]
        else:
            failed = self.new("err")
            head = [f"{name}, {failed} := rt.Client.BooleanValue(rt.Ctx, key{self.n}, false, rt.User)"]
            head += [f"if {failed} != nil {{", '\treturn "error"', "}"]
        again = [f"if n > 1 {{\n\t\t{name} = {self.condition(1)}\n\t}}"] if self.r.random() < 0.3 else []
        self.bools.append(name)
        return [*head, *again, f"if {name} {{", *self.inner(depth, loop), "}"]

    def switched(self, depth: int, loop: str) -> list[str]:
        """A switch: of conditions, of a number, or of the variant."""
        # A `break` would leave the switch, and is one of its kinds.
        own = self.r.choice(("", "break")) if not loop.startswith("break L") else loop
        through = ["\tfallthrough"] if self.r.random() < 0.2 else []
        if self.variant and self.r.random() < 0.6:
            asked = self.r.choice((f'rt.Client.String(rt.Ctx, "{self.flag}", "narrow", rt.User)', f"layout{self.n}()"))
            rows = ['"wide"', '"narrow", "other"', '"none"']
        elif self.r.random() < 0.3:
            asked, rows = "n", ["0, 1", "2"]
        else:
            asked, rows = "", [self.condition(1) for _ in range(self.r.randint(1, 3))]
        self.r.shuffle(rows)
        found = [f"switch {asked} {{" if asked else "switch {"]
        for number, row in enumerate(rows):
            goes_on = through if number + 1 < len(rows) else []
            found += [f"case {row}:", *self._case(depth, own, bool(loop)), *goes_on]
        if self.r.random() < 0.5:
            found += ["default:", *self._case(depth, own, bool(loop))]
        return [*found, "}"]

    def _case(self, depth: int, own: str, loop: bool) -> list[str]:
        lines = self.inner(depth, own if own and loop else "")
        return [*lines, "\tbreak"] if own == "break" and self.r.random() < 0.2 else lines

    def loops(self, depth: int, loop: str) -> list[str]:
        """Loops that end."""
        turn = self.new("i")
        kind = self.r.randint(0, 4)
        if kind == 0:
            return [f"for {turn} := 0; {turn} < 2; {turn}++ {{", *self.inner(depth, "break"), "}"]
        if kind == 1:
            return [f"for _, {turn} := range []int{{1, n}} {{", f"\tx += {turn}", *self.inner(depth, "break"), "}"]
        if kind == 2:
            test = self.condition(1)
            return [f"{turn} := 0", f"for {turn} < 3 && ({test}) {{", f"\t{turn}++", *self.inner(depth, "break"), "}"]
        if kind == 3:
            ends = self.r.choice(("break", 'return "loop"'))
            head = [f"{turn} := 0", f"for {self.read()} {{", f"\t{turn}++"]
            return [*head, f"\tif {turn} > 2 {{", f"\t\t{ends}", "\t}", *self.inner(depth, "break"), "}"]
        label = f"L{turn}"
        head = [f"{label}:", f"for {turn} := 0; {turn} < 3; {turn}++ {{", f"\tif {self.condition()} {{"]
        return [*head, f"\t\tbreak {label}", "\t}", *self.inner(depth, f"break {label}"), "}"]

    def declared(self, depth: int, loop: str) -> list[str]:
        """A variable that branches give a value, one that only one branch uses, or one of an outer one's name."""
        name = self.new("w")
        kind = self.r.randint(0, 3)
        if kind == 0:
            both = [f"if {self.condition(1)} {{", f"\t{name} = {self.value()}", "} else {", f"\t{name} = 7", "}"]
            return [f"var {name} int", *both, f"x += {name}"]
        if kind == 1:
            return [f"{name} := {self.value()}", f"if {self.condition(1)} {{", f"\trt.Note(fmt.Sprint({name}))", "}"]
        if kind == 2:
            shadow = self.r.choice("xyz")
            rest = self.inner(depth, loop)
            return [f"if {self.condition(1)} {{", f"\t{shadow} := {self.value()}", *rest, f"\tz += {shadow}", "}"]
        return [f"{name}, more{name} := {self.value()}, {self.read()}", f"rt.Note(fmt.Sprint({name}, more{name}))"]

    def closures(self, depth: int, loop: str) -> list[str]:
        """A function within, or one that runs at the end."""
        if self.r.random() < 0.4:
            return ["defer func() {", f"\tif {self.condition(1)} {{", f"\t\teffect{self.n}(z)", "\t}", "}()"]
        name = self.new("f")
        body = [f"if {self.condition(1)} {{", f"\treturn {self.value()}", "}", f"return {self.value()}"]
        return [f"{name} := func() int {{", *(f"\t{line}" for line in body), "}", f"x += {name}()"]


def program(number: int) -> Program:
    """The program of a number."""
    return Writer(number).program()
