"""The corpus of Go, run: what it answers with the flag on is what the program without the flag answers, and so for off."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import SIDES, cases
from tests.sluice.flags.corpus.go_runs import answers, run_its_tests, unformatted

pytestmark = pytest.mark.lab


def test_the_programs_answer_what_they_answered(tmp_path: Path) -> None:
    """Compiled by Go: nothing is declared and not used. A program that is whole answers so whatever the flag is."""
    programs, whole = {}, {}
    for case in cases("go"):
        programs[f"before/{case.name}"] = dict(case.texts)
        for side in SIDES:
            removal = case.removed(LANGUAGES["go"], side)
            programs[f"{side}/{case.name}"] = case.after(removal)
            whole[f"{side}/{case.name}"] = removal.whole
    found = answers(tmp_path, programs)
    for case in cases("go"):
        for side in SIDES:
            name = f"{side}/{case.name}"
            assert found[name][side] == found[f"before/{case.name}"][side], name
            if whole[name]:
                assert found[name]["on"] == found[name]["off"], name
    run_its_tests(tmp_path)
    formatted = set(unformatted(tmp_path))
    assert [name for name in formatted if name.startswith(("on/", "off/"))] == [], formatted
