"""Users' patterns: RE2's dialect, in linear time, with an error that names the field."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sluice.errors import InvalidError
from sluice.patterns import compiled, matches

ROOT = Path(__file__).parents[2]
SLOW = "^(([a-z0-9])+.?)+-rc$"
"""Doubles Python's time with each character of a tag."""


@pytest.mark.parametrize(
    "call",
    [
        "from sluice.images.tags import visible; visible([TEXT], [PATTERN])",
        "from sluice.images.tags import compared; from sluice.manifests.flux.image_policy import TagFilter; "
        "compared([TEXT], TagFilter(pattern=PATTERN))",
        "from sluice.patterns import matches; matches(PATTERN, TEXT, 'field')",
    ],
    ids=["exclusions", "filter", "labels"],
)
def test_no_pattern_holds_a_worker(call: str) -> None:
    """A tag of 200 characters would hold Python's expressions for ages; killed after a minute."""
    code = f"PATTERN, TEXT = {SLOW!r}, 'a' * 200; {call}"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=True)


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?=a)", "(?<!a)b", "a{2000}", "[z-a]", r"\Z"])
def test_what_re2_does_not_know_is_refused_with_the_field(pattern: str) -> None:
    """Python's own extras too: they would mean something else in Flux and Prometheus."""
    with pytest.raises(InvalidError, match=r"^spec\.some\.field .*no regular expression of RE2") as caught:
        compiled(pattern, "spec.some.field")
    assert repr(pattern) in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "text", "whole"),
    [
        ("5..", "503", True),
        ("5..", "5030", False),
        ("a|ab", "ab", True),
        ("ok|duplicate", "ok", True),
        ("", "", True),
        (".*", "größe", True),
        ("[[:upper:]]+", "ERROR", True),
        ("ok$", "ok\n", False),
    ],
)
def test_labels_match_whole(pattern: str, text: str, whole: bool) -> None:
    """As in PromQL."""
    assert matches(pattern, text, "field") is whole
