"""Random programs do the same before and after their flag is removed; `make soak` tries 5,000 of them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.flags.languages.python import Python
from sluice.flags.sdks import ALL
from tests.sluice.flags.languages.python.random_programs import FLAG, behaviour, program

FEW, MANY, AT_ONCE = 100, 5_000, 250


def stays(text: str, value: bool) -> None:
    """The program with the flag at a value, and the program without it where the flag has the other one."""
    removal = Python().remove({"program.py": text}, FLAG, str(value).lower(), ALL)
    after = removal.texts.get("program.py", text)
    assert after is not None
    assert behaviour(after, value if removal.left else not value) == behaviour(text, value), after


@settings(max_examples=FEW, deadline=None)
@given(st.integers(0, 2**40), st.booleans())
@example(6_227_020_800, True)  # `(effect(a) or flag) and effect(0)`: the first effect was lost
def test_a_random_program_does_the_same(seed: int, value: bool) -> None:
    """With every kind of statement that a flag may stand in."""
    stays(program(seed), value)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, MANY, AT_ONCE))
def test_many_random_programs_do_the_same(first: int) -> None:
    """5,000 of them, 250 at a time; each chunk can be run by itself."""
    for number in range(first, first + AT_ONCE):
        stays(program(Random(number).randrange(2**40)), number % 2 == 0)
