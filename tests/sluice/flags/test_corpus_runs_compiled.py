"""The corpora of TypeScript and Java, run: what they answer without the flag is what they answered with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import SIDES, cases, compiled_runs

pytestmark = pytest.mark.lab


def test_typescript_answers_what_it_answered(tmp_path: Path) -> None:
    """Type-checked strictly: nothing is narrower than what is done with it. Unreachable code is an error."""
    programs, whole = {}, {}
    for case in cases("typescript"):
        programs[f"before/{case.name}"] = dict(case.texts)
        for side in SIDES:
            removal = case.removed(LANGUAGES["typescript"], side)
            programs[f"{side}/{case.name}"] = case.after(removal)
            whole[f"{side}/{case.name}"] = removal.whole
    found = compiled_runs.typescript(tmp_path, programs)
    _check(found, {name.partition("/")[2] for name in programs}, whole)


def test_java_answers_what_it_answered(tmp_path: Path) -> None:
    """Compiled: nothing is unreachable, nothing is caught that is not thrown, no name is declared twice."""
    all_cases = cases("java")
    (tmp_path / "before").mkdir()
    before = compiled_runs.java(tmp_path / "before", {case.name: case.texts for case in all_cases})
    found = {f"before/{name}": answer for name, answer in before.items()}
    whole = {}
    for side in SIDES:
        removals = {case.name: case.removed(LANGUAGES["java"], side) for case in all_cases}
        (tmp_path / side).mkdir()
        after = compiled_runs.java(tmp_path / side, {one.name: one.after(removals[one.name]) for one in all_cases})
        found |= {f"{side}/{name}": answer for name, answer in after.items()}
        whole |= {f"{side}/{name}": removal.whole for name, removal in removals.items()}
    _check(found, {case.name for case in all_cases}, whole)


def _check(found: dict[str, dict[str, str]], names: set[str], whole: dict[str, bool]) -> None:
    for name in sorted(names):
        for side in SIDES:
            place = f"{side}/{name}"
            assert found[place][side] == found[f"before/{name}"][side], place
            if whole[place]:
                assert found[place]["on"] == found[place]["off"], place
