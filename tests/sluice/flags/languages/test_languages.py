"""What every language keeps: nothing changes without the flag, and what cannot be read is passed over."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sluice.flags.calls import FlagCall
from sluice.flags.languages.table import LANGUAGES, of_path
from sluice.flags.sdks import ALL
from tests.sluice.flags.corpus import CALLS
from tests.sluice.flags.corpus import cases as others
from tests.sluice.flags.languages.python.cases import cases

BROKEN = "if (((\n\x00 def {{{ class\n"
Sample = tuple[Mapping[str, str], str, tuple[FlagCall, ...]]


def samples(name: str) -> list[Sample]:
    """Programs of a language, each with its flag and calls."""
    if name == "python":
        return [(case.files, case.flag, ALL) for case in cases() if "true" in case.values]
    return [(case.texts, case.flag, CALLS) for case in others(name) if case.values["on"] == "true"]


NAMES = [name for name in sorted(LANGUAGES) if samples(name)]


def test_there_are_programs() -> None:
    """A language without any would keep nothing."""
    assert {"python", "go"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_that_no_code_reads_changes_nothing(name: str) -> None:
    """Not even a line end."""
    for files, _, calls in samples(name):
        removal = LANGUAGES[name].remove(files, "a-flag-that-nobody-has", "true", calls)
        assert (dict(removal.texts), removal.removed, removal.left) == ({}, (), ())


@pytest.mark.parametrize("name", NAMES)
def test_files_of_other_languages_and_broken_ones_are_passed_over(name: str) -> None:
    """One file that cannot be parsed does not keep the others from being rid of the flag."""
    files, flag, calls = samples(name)[0]
    more = {"README.md": f"The flag {flag}.", f"broken{LANGUAGES[name].suffixes[0]}": BROKEN}
    removal = LANGUAGES[name].remove({**files, **more}, flag, "true", calls)
    assert removal.texts.keys().isdisjoint(more)
    assert removal.texts


@pytest.mark.parametrize("name", NAMES)
def test_places_are_where_the_call_stands(name: str) -> None:
    """A person who opens the line sees the call."""
    found = 0
    for files, flag, calls in samples(name):
        for one in LANGUAGES[name].references(files, calls):
            line = files[one.place.path].splitlines()[one.place.line - 1]
            assert one.call.rpartition(".")[2] in line, one
            assert one.language == name
            assert of_path(one.place.path) is LANGUAGES[name]
            found += one.flag == flag and one.sure
    assert found > 5
