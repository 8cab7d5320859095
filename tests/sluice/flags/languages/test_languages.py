"""What every language keeps: nothing changes without the flag, what cannot be read is passed over, and once is enough."""

from __future__ import annotations

import pytest

from sluice.flags.languages.table import LANGUAGES, of_path
from sluice.flags.sdks import ALL
from tests.sluice.flags.corpus import Case, cases

NAMES = sorted(LANGUAGES)
FIRST = [pytest.param(case, id=f"{name}-{case.name}") for name in NAMES for case in cases(name)[:12]]
BROKEN = "if (((\n\x00 def {{{ class\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_that_no_code_reads_changes_nothing(name: str) -> None:
    """Not even a line end."""
    for case in cases(name):
        removal = LANGUAGES[name].remove(case.files, "a-flag-that-nobody-has", "true", ALL)
        assert (dict(removal.texts), removal.removed, removal.left) == ({}, (), ())


@pytest.mark.parametrize("name", NAMES)
def test_files_of_other_languages_and_broken_ones_are_passed_over(name: str) -> None:
    """One file that cannot be parsed does not keep the others from being rid of the flag."""
    case = cases(name)[0]
    value = case.values[0]
    more = {"README.md": f"The flag {case.flag}.", f"broken{LANGUAGES[name].suffixes[0]}": BROKEN}
    removal = LANGUAGES[name].remove({**case.files, **more}, case.flag, value, ALL)
    assert removal.texts.keys().isdisjoint(more)
    assert removal.texts


@pytest.mark.parametrize("case", FIRST)
def test_once_is_enough(case: Case) -> None:
    """What was removed whole has no place with the flag any more."""
    language = LANGUAGES[case.language]
    for value in case.values:
        removal = case.removal(value)
        after = {path: text for path, text in case.tree(removal).items() if path not in case.checks}
        again = language.remove(after, case.flag, value, ALL)
        assert again.texts == {}
        if removal.whole:
            assert case.flag not in {one.flag for one in language.references(after, ALL)}


@pytest.mark.parametrize("name", NAMES)
def test_each_program_of_the_corpus_is_found_by_its_flag(name: str) -> None:
    """At a place where the text has a call."""
    for case in cases(name):
        found = [one for one in LANGUAGES[name].references(case.files, ALL) if one.flag == case.flag and one.sure]
        assert found or case.left, case.name
        for one in found:
            line = case.files[one.place.path].splitlines()[one.place.line - 1]
            assert one.call.rpartition(".")[2] in line, (case.name, one)
            assert one.language == name
            assert of_path(one.place.path) is LANGUAGES[name]
