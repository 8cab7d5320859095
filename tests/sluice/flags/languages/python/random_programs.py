"""Random programs with random conditions on a flag, and what they do when they are run."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from random import Random
from types import ModuleType
from typing import Any

FLAG = "the-flag"
SDK = "flags_of_random_programs"
HEAD = f"""\
import math
import string
from {SDK} import client, is_enabled

KEY = "{FLAG}"
LIMIT = 3
LOG = []


def effect(value):
    LOG.append(value)
    return value


def on():
    return is_enabled(KEY)


def off(user=None):
    return not is_enabled("{FLAG}", user)


def enabled(key):
    return client.is_enabled(key)


def only_a(x):
    return math.floor(x) + LIMIT


def only_b(x):
    return only_a(x) + len(string.digits)


def only_c(x):
    LOG.append(x)
    return x * 2

"""
READS = (
    f'is_enabled("{FLAG}")',
    "is_enabled(KEY, a)",
    "on()",
    "off()",
    "off(a)",
    "enabled(KEY)",
    f'client.get_boolean_value("{FLAG}", False)',
    f'client.evaluate_boolean("{FLAG}", "me").enabled',
    'is_enabled("another-flag")',
)
VALUES = ("a", "b", "c", "1", "0", "a + 1", "effect(b)", "effect(0)", "only_a(a)", "only_b(b)", "only_c(c)", "None")


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" if line else line for line in lines]


def conditions(r: Random, depth: int = 3) -> str:
    """An expression for a condition."""
    kind = r.randint(0, 9 if depth else 4)
    if kind <= 2:
        return r.choice(READS)
    if kind <= 4:
        return r.choice(("a", "b", "c", "a > 1", "effect(a)", "effect(0)", "b is None", "a == b", "x"))
    one, two = conditions(r, depth - 1), conditions(r, depth - 1)
    return {
        5: f"not ({one})",
        6: f"({one} and {two})",
        7: f"({one} or {two})",
        8: f"({one}) is True",
        9: f"({one} if {two} else {conditions(r, depth - 1)})",
    }[kind]


def expressions(r: Random) -> str:
    """A value."""
    kind = r.randint(0, 8)
    value, other = r.choice(VALUES), r.choice(VALUES)
    test = conditions(r, 2)
    return {
        5: f"({value} if {test} else {other})",
        6: f"[i for i in range(2) if {test}]",
        7: f"({test} and {value})",
        8: f"{{'k': {value}, 'on': {test}}}",
    }.get(kind, value)


def blocks(r: Random, depth: int, *, loop: bool = False) -> list[str]:
    """One or two statements."""
    found: list[str] = []
    for _ in range(r.randint(1, 2)):
        found += statements(r, depth, loop=loop)
    return found


def simple(r: Random, *, loop: bool) -> list[str]:
    """A statement of one line."""
    value = expressions(r)
    name = r.choice("xyz")
    choices = [
        f"{name} = {value}",
        f"{name} = {r.choice(READS)}",
        f"effect({value})",
        f"return {value}",
        f"LOG.append({value})",
        f"{conditions(r, 1)}",
        f"x, y = {value}, {name}",
        "pass",
        *(("break", "continue") if loop else ()),
    ]
    comment = r.choice(("", "", "  # why"))
    return [*(["# above"] if comment else []), r.choice(choices) + comment]


def statements(r: Random, depth: int, *, loop: bool = False) -> list[str]:
    """A statement, with what is in it."""
    kind = r.randint(0, 12) if depth else 0
    if kind <= 3:
        return simple(r, loop=loop)
    test = conditions(r)
    body = indented(blocks(r, depth - 1, loop=loop or kind in {8, 9}))
    last = indented(blocks(r, depth - 1, loop=loop))
    if kind <= 5:
        return [f"if {test}:", *body]
    if kind == 6:
        return [f"if {test}:", *body, "else:", *last]
    if kind == 7:
        middle = indented(blocks(r, depth - 1, loop=loop))
        return [f"if {test}:", *body, f"elif {conditions(r)}:", *middle, "else:", *last]
    if kind == 8:
        tail = ["else:", *last] if r.random() < 0.5 else []
        return ["for i in range(2):", *body, *tail]
    if kind == 9:
        tail = ["else:", *last] if r.random() < 0.5 else []
        turns = f"n{depth}"  # of this loop alone: one within it would begin it again, for ever
        return [f"{turns} = 0", f"while {turns} < 3 and ({test}):", f"    {turns} += 1", *body, *tail]
    if kind == 10:
        return [
            "try:",
            *body,
            "except TypeError:",
            *last,
            *(["finally:", "    effect(7)"] if r.random() < 0.5 else []),
        ]
    if kind == 11:
        return [f"if (w := {r.choice(READS)}) and a:", *body, "effect(w)"]
    return [
        f"match {r.choice(('a', 'b', READS[0]))}:",
        "    case True:",
        *indented(body),
        "    case 1 | 2:",
        *indented(last),
        "    case _:",
        "        effect(9)",
    ]


def program(seed: int) -> str:
    """A module with two functions and a class, always the same one for a seed."""
    r = Random(seed)
    text = HEAD
    for name in ("first", "second"):
        lines = ["x = y = z = 0", *blocks(r, 2), "return x, y, z"]
        text += "\n".join(["", f"def {name}(a, b=None, c=2):", *indented(lines), "", ""])
    read = r.choice(READS[:1] + READS[2:4])
    method = indented(indented([*blocks(r, 2)]))
    text += "\n".join(
        [
            *("", "class Thing:", f"    if {read}:", "        kind = 1", "    else:", "        kind = 2", ""),
            *("    def run(self, a, b=1, c=0, x=None, y=5, z=6):", *method, ""),
        ]
    )
    return text


class Client:
    """The flag service of a random program."""

    def __init__(self, value: bool) -> None:
        self.values = {FLAG: value, "another-flag": True}

    def is_enabled(self, key: str, context: Any = None) -> bool:
        return self.values[key]

    def get_boolean_value(self, key: str, default: bool) -> bool:
        return self.values[key]

    def evaluate_boolean(self, key: str, entity: str) -> Any:
        answer = ModuleType("answer")
        answer.enabled = self.values[key]  # type: ignore[attr-defined]
        return answer


@contextlib.contextmanager
def served(value: bool) -> Iterator[None]:
    """The SDK, with the flag at a value."""
    sdk = ModuleType(SDK)
    sdk.client = Client(value)  # type: ignore[attr-defined]
    sdk.is_enabled = sdk.client.is_enabled  # type: ignore[attr-defined]
    sys.modules[SDK] = sdk
    try:
        yield
    finally:
        del sys.modules[SDK]


def behaviour(text: str, value: bool) -> list[str]:
    """What a program returns, raises and logs, call by call."""
    done: list[str] = []
    with served(value):
        space: dict[str, Any] = {"__name__": "program"}
        exec(compile(text, "program", "exec"), space)  # noqa: S102 - a program of ours
        calls = [space["first"], space["second"], space["Thing"]().run]
        for call in calls:
            for given in ((0,), (1, 2), (2, None, 3), (True, True, 0)):
                try:
                    done.append(repr(call(*given)))
                except Exception as error:
                    done.append(type(error).__name__)
        # Where nothing writes to the log any more it is gone too, as it should be.
        done += [repr(space.get("LOG", [])), repr(space["Thing"].kind)]
    return done
