"""Flags leave 60 and more Python programs, which do the same before and after, whatever the flag is by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sluice.flags.languages.base import Removal
from tests.sluice.flags.languages.python.cases import Case, cases
from tests.sluice.flags.languages.python.running import Outcome, run_all

CASES = cases()
EACH = [(case, value) for case in CASES for value in case.values]
NAMES = [f"{case.name}-{value}" for case, value in EACH]
FEWEST, WHOLE = 60, 0.92


@dataclass(frozen=True)
class Both:
    """A program before and after."""

    removal: Removal
    before: Outcome
    after: Outcome


def flags(case: Case, value: str) -> Mapping[str, Any]:
    return {case.flag: {"true": True, "false": False}.get(value, value)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Both]:
    """Every program with every value, run before and after: all of them in one process that forks."""
    removals = [case.removal(value) for case, value in EACH]
    programs: list[tuple[Mapping[str, str], Mapping[str, Any]]] = []
    for (case, value), removal in zip(EACH, removals, strict=True):
        programs.append((case.tree(), flags(case, value)))
        programs.append((case.tree(removal), flags(case, case.other(value) if removal.whole else value)))
    outcomes = run_all(tmp_path_factory.mktemp("programs"), programs)
    found = zip(NAMES, removals, outcomes[::2], outcomes[1::2], strict=True)
    return {name: Both(removal, before, after) for name, removal, before, after in found}


@pytest.mark.parametrize(("case", "value"), EACH, ids=NAMES)
def test_a_program_does_the_same_without_its_flag(case: Case, value: str, both: dict[str, Both]) -> None:
    """What it prints is compared, and its own tests are run; the flag has another value by then."""
    one = both[f"{case.name}-{value}"]
    assert one.before.printed, "a check that prints nothing shows nothing"
    assert "Error" not in one.before.printed
    assert one.after.printed == one.before.printed
    assert one.before.failed == {}
    assert one.after.failed == {}
    assert {name.partition("[")[0] for name in one.after.tests} <= {name.partition("[")[0] for name in one.before.tests}


@pytest.mark.parametrize(("case", "value"), EACH, ids=NAMES)
def test_what_comes_out_is_what_a_person_agreed_with(case: Case, value: str, both: dict[str, Both]) -> None:
    """Byte for byte, and nothing else changes."""
    removal = both[f"{case.name}-{value}"].removal
    assert removal.texts == case.after[value]
    assert removal.whole is (value in case.whole), removal.left
    if not removal.whole:
        assert case.left in " ".join(one.reason for one in removal.left)
    if removal.texts:
        assert removal.removed


def test_enough_programs_and_nearly_all_of_them_are_removed_whole() -> None:
    """The numbers of the corpus."""
    assert len(CASES) >= FEWEST
    whole = sum(value in case.whole for case, value in EACH)
    assert whole / len(EACH) >= WHOLE
