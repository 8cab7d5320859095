"""Random programs in Go do the same before and after their flag is removed; `make soak` tries 5,000 of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sluice.flags.calls import VARIANT, Argument, FlagCall
from sluice.flags.languages.go import GO
from tests.sluice.flags.random_go.programs import Program, program
from tests.sluice.flags.random_go.running import answers

ONLY_GO = frozenset({"go"})
CALLS = (
    FlagCall("Client.Boolean", ONLY_GO, key=Argument(1)),
    FlagCall("Client.BooleanValue", ONLY_GO, key=Argument(1)),
    FlagCall("Client.String", ONLY_GO, kind=VARIANT, key=Argument(1)),
)
FEW, MANY, AT_ONCE = 40, 5_000, 250


def without(one: Program, value: str) -> tuple[str, bool]:
    """A program without its flag, and whether nothing of it is left."""
    removal = GO.remove({"programs/case.go": one.text}, one.flag, value, CALLS)
    text = removal.texts.get("programs/case.go", one.text)
    assert text is not None
    return text, removal.whole


def stay(folder: Path, numbers: Sequence[int]) -> int:
    """The programs of these numbers answer what they answered; how many removals were whole."""
    sides: dict[str, dict[int, str]] = {"before": {}, "on": {}, "off": {}}
    flags: dict[int, list[bool]] = {}
    whole = 0
    for number in numbers:
        one = program(number)
        sides["before"][number] = one.text
        flags[number] = []
        for side, value, is_on in zip(("on", "off"), one.values, (True, False), strict=True):
            sides[side][number], complete = without(one, value)
            flags[number].append(is_on is not complete)
            whole += complete
    for number, (on, on_after, off, off_after) in answers(folder, sides, flags).items():
        assert (number, on_after, off_after) == (number, on, off)
    return whole


@pytest.mark.lab
def test_random_programs_answer_what_they_answered(tmp_path: Path) -> None:
    """With each kind of statement that a flag may stand in; where nothing is left the flag has the other value by then."""
    assert stay(tmp_path, range(FEW)) >= FEW


@pytest.mark.soak
@pytest.mark.parametrize("first", range(10_000, 10_000 + MANY, AT_ONCE))
def test_many_random_programs_answer_what_they_answered(tmp_path: Path, first: int) -> None:
    """5,000 of them, 250 in one build; each chunk can be run by itself."""
    assert stay(tmp_path, range(first, first + AT_ONCE)) >= AT_ONCE
