"""Calls by which code reads a flag: which are meant by a name, and what they can answer."""

from __future__ import annotations

import pytest

from sluice.flags.calls import VARIANT, FlagCall, may_read, of_language, words_of
from sluice.flags.languages.table import of_path
from sluice.flags.sdks import ALL, SDKS

BOTH = frozenset({"python", "go"})


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("is_enabled", ("flags", "is_enabled"), True),
        ("is_enabled", ("is_enabled",), True),
        ("flags.is_enabled", ("self", "flags", "is_enabled"), True),
        ("flags.is_enabled", ("button", "is_enabled"), False),
        ("flags.is_enabled", ("is_enabled",), False),
        ("is_enabled", ("is_enabled", "cached"), False),
    ],
)
def test_a_call_is_known_by_the_last_parts_of_its_name(name: str, written: tuple[str, ...], meant: bool) -> None:
    """A row with more parts is the narrower one."""
    assert FlagCall(name, BOTH).named(written) is meant


def test_true_and_false_are_answered_by_booleans_alone_and_all_else_by_variants() -> None:
    """A variant that is called "true" would be read as a boolean: such a flag is left to people."""
    assert FlagCall("on", BOTH).answers("true")
    assert not FlagCall("on", BOTH).answers("blue")
    assert FlagCall("which", BOTH, kind=VARIANT).answers("blue")
    assert not FlagCall("which", BOTH, kind=VARIANT).answers("false")


def test_a_text_without_the_last_part_of_any_call_is_passed_over() -> None:
    """Before anything is parsed."""
    words = words_of((FlagCall("evaluation.boolean", BOTH), FlagCall("is_enabled", BOTH)))
    assert words == {"boolean", "is_enabled"}
    assert may_read("if flags.is_enabled('x'):", words)
    assert not may_read("if flags.enabled('x'):", words)


@pytest.mark.parametrize("sdk", SDKS)
def test_each_sdk_has_calls_and_each_call_a_key(sdk: str) -> None:
    """A row without a place for the key could never be resolved."""
    assert SDKS[sdk]
    for call in SDKS[sdk]:
        assert call.key.position is not None or call.key.name
        assert all(call.parts)
        assert call in of_language(ALL, next(iter(call.languages)))


def test_a_file_of_no_known_language_has_none() -> None:
    """Its text is never asked for."""
    assert of_path("docs/flags.md") is None
