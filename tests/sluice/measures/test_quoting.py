"""What a value becomes inside of a query's string."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.measures.quoting import in_string, mended, open_quote


@given(st.text(alphabet='ab\\"\n\t.|'))
def test_any_text_survives_a_string(text: str) -> None:
    """Read back, it is what it was; the escapes of these signs are JSON's as well as PromQL's."""
    assert json.loads(f'"{in_string(text)}"') == text


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("north", "north"),
        ('it"s', 'it\\"s'),
        ("two\nlines", "two\\nlines"),
        (r"a\.b", r"a\\.b"),
        (r"a\\.b", r"a\\.b"),
        (r"said \"so\"", r"said \"so\""),
        ("ends\\", "ends\\\\"),
        (r"\d+", r"\\d+"),
        ("it's", "it's"),
    ],
)
def test_what_people_escaped_for_flagger_stays_and_the_rest_is_escaped(written: str, becomes: str) -> None:
    """Flagger puts a value in as it is: what was a parse error there is what was meant here."""
    assert mended(written, '"') == becomes


@pytest.mark.parametrize(
    ("before", "quote"),
    [
        ("x{a=", ""),
        ('x{a="', '"'),
        ("x{a='it\"", "'"),
        ('x{a="b\\"', '"'),
        ('x{a="b",c=', ""),
        ("x{a=`\\", "`"),
        ("x # isn't\n{a=\"", '"'),
    ],
)
def test_whether_a_place_is_inside_of_a_string(before: str, quote: str) -> None:
    """Escapes, other quotes and comments end none."""
    assert open_quote(before) == quote
