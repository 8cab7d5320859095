"""Which flags came with a revision."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.kill_switch.named import ANNOTATION, annotated, keys_in, named, trailers_of
from tests.peopled_flags import SERVICE
from tests.samples import canary, canary_manifest, merged


def switched(**fields: Any) -> dict[str, Any]:
    return {"analysis": {"killSwitch": {"service": SERVICE, **fields}}}


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        ("Add the new checkout\n\nIt is faster.\n\nFlag: new-checkout\n", ["new-checkout"]),
        ("Add it\n\nFlag: a, b\nSigned-off-by: Ann <ann@example.test>\nFlag: c", ["a", "b", "c"]),
        ("Add it\r\n\r\nflag : a\r\n", ["a"]),
        ("Flag: a", []),
        ("Add it\n\nFlag: a\n\nFlag is a word of this paragraph.", []),
        ("Add it\n\nThe Flag: a is not at a line's beginning", []),
        ("Add it\n\nFlag: \n", []),
        ("", []),
    ],
)
def test_the_trailers_of_a_commit(message: str, keys: list[str]) -> None:
    """Lines of the last paragraph, as `git interpret-trailers` has them."""
    assert [one.key for one in trailers_of([("1a2b3c4d5e6f70", message)])] == keys


def test_a_trailer_says_which_commit() -> None:
    """The first one that names the flag."""
    commits = [("1a2b3c4d5e6f70", "One\n\nFlag: a"), ("2b3c4d5e6f7081", "Two\n\nFlag: a\nFlag: b")]
    assert [(one.key, one.by) for one in trailers_of(commits)] == [
        ("a", "commit 1a2b3c4d5e6f"),
        ("b", "commit 2b3c4d5e6f70"),
    ]


def test_keys_are_divided_by_commas_spaces_or_lines() -> None:
    """Each once, in order."""
    assert keys_in(" a,b\n c ,, a") == ("a", "b", "c")
    assert [one.key for one in annotated({ANNOTATION: "x, y", "other": "z"}, "Deployment shop")] == ["x", "y"]


def test_a_release_has_the_flags_of_every_source() -> None:
    """The field, the annotation, and what the journal has of the target and of its commits; each once."""
    journal = {"revision": "r2", "named": [{"key": "b", "by": "commit 1"}, {"key": "c", "by": "commit 2"}]}
    manifest = canary_manifest(switched(flags=["a"]), {"lastAppliedSpec": "r2", "flags": journal})
    manifest = merged(manifest, {"metadata": {"annotations": {ANNOTATION: "b"}}})
    found = named(Canary.parse(manifest))
    assert [(one.key, one.by) for one in found] == [
        ("a", "killSwitch.flags"),
        ("b", "Canary shop"),
        ("c", "commit 2"),
    ]


def test_what_another_revision_came_with_is_not_this_ones() -> None:
    """Until its own target was read."""
    status = {"lastAppliedSpec": "r3", "flags": {"revision": "r2", "named": [{"key": "b"}]}}
    assert named(canary(switched(), status)) == ()


def test_without_a_kill_switch_nothing_is_named() -> None:
    """An annotation alone allows nothing: the service has to be named in the manifest."""
    assert named(canary({}, {})) == ()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"environment": "staging"}, "killSwitch.environment is 'staging'"),
        ({"service": {**SERVICE, "environments": ["a", "b"]}}, "set killSwitch.environment"),
        ({"service": {**SERVICE, "readOnly": True}}, "readOnly is set"),
        ({"within": "0s"}, "within"),
    ],
)
def test_a_kill_switch_that_cannot_be_is_refused(fields: dict[str, Any], said: str) -> None:
    """By the field, with the way out."""
    with pytest.raises(InvalidError, match=said):
        canary(switched(**fields))
