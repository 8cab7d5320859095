"""The corpus: each program with a flag becomes, letter by letter, what was read and run for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sluice.flags.languages.table import LANGUAGES
from sluice.flags.sdks import ALL
from tests.sluice.flags.corpus import CALLS, SIDES, Case, cases
from tests.sluice.flags.corpus.shares import Share, shares

CASES = [(language, case) for language in ("go", "typescript", "java") for case in cases(language)]
IDS = [f"{language}-{case.name}" for language, case in CASES]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("language", "case"), CASES, ids=IDS)
def test_the_program_becomes_what_is_expected(language: str, case: Case, side: str) -> None:
    """Only files that have to change are given; what stays has its place and reason."""
    removal = case.removed(LANGUAGES[language], side)
    assert {path: text or "" for path, text in removal.texts.items()} == case.expected[side]
    assert tuple(str(one) for one in removal.left) == case.left[side]


@pytest.mark.parametrize("share", shares(), ids=lambda share: share.language)
def test_nearly_all_is_removed_whole(share: Share) -> None:
    """Of the places that stay, each is one of the kinds that nobody can be sure of. The numbers are those of the page."""
    assert share.programs >= 40
    assert share.percent >= 92
    assert str(share) in Path("docs/flags.md").read_text(), "python -m tests.sluice.flags.corpus says the rows"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("language", "case"), CASES, ids=IDS)
def test_a_program_without_the_flag_stays_as_it_is(language: str, case: Case, side: str) -> None:
    """Removing it twice changes nothing more, and another flag's removal nothing at all."""
    member = LANGUAGES[language]
    removal = case.removed(member, side)
    again = member.remove(case.after(removal), case.flag, case.values[side], CALLS)
    assert again.texts == {}
    assert member.remove(case.texts, "another-flag", case.values[side], CALLS).texts == {}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("language", "case"), CASES, ids=IDS)
def test_windows_line_ends_stay(language: str, case: Case, side: str) -> None:
    """The removal of a file with CRLF is that of the file, with CRLF; a byte-order mark stays."""
    member = LANGUAGES[language]
    texts = {path: "\ufeff" + text.replace("\n", "\r\n") for path, text in case.texts.items()}
    removal = member.remove(texts, case.flag, case.values[side], CALLS)
    plain = {path: (text or "").removeprefix("\ufeff") for path, text in removal.texts.items()}
    assert {path: text.replace("\r\n", "\n") for path, text in plain.items()} == case.expected[side]
    assert not any(re.search(r"[^\r]\n", text) for text in plain.values())
    assert all(text is None or text.startswith("\ufeff") for text in removal.texts.values())


def test_how_the_code_uses_an_answer_says_whether_it_is_a_promise() -> None:
    """OpenFeature's name is the same on servers (a promise) and in browsers (a value)."""
    call = 'client.getBooleanValue("new-checkout", false)'
    texts = {
        "server.ts": f"export const f = async () => {{\n  return (await {call}) ? 1 : 2;\n}};\n",
        "browser.ts": f"export const f = () => {{\n  if (!{call}) {{\n    return 2;\n  }}\n  return 1;\n}};\n",
    }
    removal = LANGUAGES["typescript"].remove(texts, "new-checkout", "true", ALL)
    assert removal.whole
    assert removal.texts == {
        "server.ts": "export const f = async () => {\n  return 1;\n};\n",
        "browser.ts": "export const f = () => {\n  return 1;\n};\n",
    }


def test_a_common_name_is_no_flag() -> None:
    """A logger's `String(key, value)` is not asked for a flag, whatever its arguments are."""
    text = 'package a\n\nfunc f() {\n\tlog.Info("x", zap.String("layout", "wide"), zap.String("a", "layout"))\n}\n'
    assert LANGUAGES["go"].references({"a.go": text}, ALL) == ()
