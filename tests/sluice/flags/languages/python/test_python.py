"""Python's remover over its corpus: once is enough, and every read is found."""

from __future__ import annotations

import pytest

from sluice.flags.languages.python import Python
from sluice.flags.sdks import ALL
from tests.sluice.flags.languages.python.cases import Case, cases

CASES = cases()
IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_once_is_enough(case: Case) -> None:
    """What was removed whole has no place with the flag any more."""
    for value in case.values:
        removal = case.removal(value)
        after = {path: text for path, text in case.tree(removal).items() if path not in case.checks}
        again = Python().remove(after, case.flag, value, ALL)
        assert again.texts == {}
        if removal.whole:
            assert case.flag not in {one.flag for one in Python().references(after, ALL)}


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_each_program_is_found_by_its_flag(case: Case) -> None:
    """With the key's own spelling."""
    assert case.flag in {one.flag for one in Python().references(case.files, ALL) if one.sure}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("    return f\"{is_enabled('new-menu')=}\"\n", "inside an f-string"),
        ("    if not is_enabled('new-menu'):\n        yield 1\n", "generator"),
    ],
)
def test_what_is_left_and_why(text: str, reason: str) -> None:
    """A text that shows the code itself, and an async generator."""
    before = f"from featureflags import is_enabled\n\n\nasync def menu():\n{text}"
    removal = Python().remove({"menu.py": before}, "new-menu", "true", ALL)
    assert removal.texts == {}
    assert [reason in one.reason for one in removal.left] == [True]
