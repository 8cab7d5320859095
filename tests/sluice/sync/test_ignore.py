"""What of a source is left out: as Flux reads `.sourceignore` and `spec.ignore`."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.sync.ignore import Ignore


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("app.yaml", True),
        (".gitignore", False),
        ("deep/.gitmodules", False),
        (".github/workflows/ci.yaml", False),
        ("apps/.github/ci.yaml", False),
        ("logo.png", False),
        ("deep/down/chart.tar.gz", False),
        (".sops.yaml", False),
        ("clusters/.sops.yaml", False),
        ("kustomization.yaml", True),
        ("github/app.yaml", True),
        ("png", True),
    ],
)
def test_what_no_cluster_needs_is_left_out_by_itself(path: str, wanted: bool) -> None:
    """Flux's own list, at any depth."""
    assert Ignore({}).wants(path) is wanted


OWN = [
    # What Flux's documentation recommends: all but one directory.
    ("/*\n!/deploy", "deploy/app.yaml", True),
    ("/*\n!/deploy", "docs/app.yaml", False),
    ("/*\n!/deploy", "deploy/deep/app.yaml", True),
    # One's own lines take the place of the list, but not of git's own files.
    ("*.md", "logo.png", True),
    ("*.md", ".gitignore", False),
    ("*.md", "docs/README.md", False),
    ("# a comment\n\n  \n", "logo.png", False),
    ("*.yaml\n!keep.yaml", "a/keep.yaml", True),
    ("docs/", "docs/a.yaml", False),
    ("docs/", "a/docs/a.yaml", False),
    ("/docs/", "a/docs/a.yaml", True),
    ("a/**/z.yaml", "a/b/c/z.yaml", False),
    ("a/**/z.yaml", "a/z.yaml", False),
    ("file[0-9].yaml", "file7.yaml", False),
    ("\\#odd", "#odd", False),
    ("\\!odd", "!odd", False),
    ("!.gitignore", ".gitignore", True),
]


@pytest.mark.parametrize(("own", "path", "wanted"), OWN)
def test_lines_of_ones_own(own: str, path: str, wanted: bool) -> None:
    """The last line that matches decides."""
    assert Ignore({}, own).wants(path) is wanted
    assert Ignore({"": own}).wants(path) is wanted


def test_a_file_counts_below_its_directory_and_the_manifest_has_the_last_word() -> None:
    """`.sourceignore` in a directory says nothing about its neighbours."""
    sut = Ignore({"": "*.txt", "apps/a": "/secret.yaml\n!note.txt"}, "!apps/a/secret.yaml")
    assert not sut.wants("apps/b/note.txt")
    assert sut.wants("apps/a/note.txt")
    assert sut.wants("apps/b/secret.yaml")
    assert sut.wants("apps/a/secret.yaml")
    assert not Ignore({"apps/a": "/secret.yaml"}).wants("apps/a/secret.yaml")
    assert Ignore({"apps/a": "/secret.yaml"}).wants("apps/ab/secret.yaml")


def test_a_pattern_of_many_stars_costs_no_more_than_another() -> None:
    """`*a*a*a…` against a long name: the worker that carries all rollouts goes on."""
    assert Ignore({}, "*a" * 40 + "b").wants("a" * 4000)


def test_too_many_lines_are_refused() -> None:
    """Each is tried on each path."""
    with pytest.raises(InvalidError, match="2,000 at most"):
        Ignore({}, "\n".join(f"f{number}" for number in range(2001)))
