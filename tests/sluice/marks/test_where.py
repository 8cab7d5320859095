"""Where a revision comes from, and what its places are called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.marks.section import BEGIN, END, with_line
from sluice.marks.where import (
    COMMIT,
    ENVIRONMENT,
    REPOSITORY,
    REVISION,
    SOURCE,
    annotated,
    checked,
    context_of,
    labelled,
)
from sluice.marks.where import environment as named

HASH = "a" * 40
LABELS = {SOURCE: "https://github.com/team/shop.git#main:app", REVISION: HASH}


def test_annotations_go_before_labels_and_each_part_by_itself() -> None:
    """The Canary's before its target's: a repository that is written once, a commit with each version."""
    assert labelled(annotated({}), LABELS) == ("https://github.com/team/shop.git", HASH)
    said = annotated({REPOSITORY: "https://github.com/team/other"}, {REPOSITORY: "x", COMMIT: "b" * 40})
    assert labelled(said, LABELS) == ("https://github.com/team/other", "b" * 40)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({}, f"no label {SOURCE}.*annotate the Canary: {REPOSITORY}"),
        ({SOURCE: "https://github.com/team/shop"}, f"no label {REVISION}.*{COMMIT}"),
        (LABELS | {REVISION: "main"}, "'main'.*no whole hash"),
        (LABELS | {REVISION: "abc1234"}, "no whole hash"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(labels: dict[str, str], said: str) -> None:
    """A short hash too: GitHub takes no status of one."""
    with pytest.raises(InvalidError, match=said):
        checked(labelled(annotated(), labels))


def test_an_environment_is_the_canarys_or_the_clusters() -> None:
    """An empty annotation is nobody's wish to be seen."""
    assert [named({}, "live"), named({ENVIRONMENT: "eu"}, "live"), named({ENVIRONMENT: " "}, "live")] == [
        "live",
        "eu",
        "",
    ]
    for wrong in ("x" * 101, "a\nb", "<b>"):
        with pytest.raises(InvalidError, match=ENVIRONMENT):
            named({ENVIRONMENT: wrong}, "")


def test_contexts_are_told_apart_also_where_names_are_at_their_limits() -> None:
    """And have an end."""
    long = {context_of("e" * 100, f"{'n' * 63}/{'c' * 252}{end}") for end in "ab"}
    assert len(long) == 2
    assert {len(one) for one in long} == {200}


@given(
    st.text(max_size=200), st.lists(st.tuples(st.sampled_from(["a1", "b2", "c3"]), st.text(max_size=60)), min_size=1)
)
def test_what_people_wrote_is_never_touched(notes: str, lines: list[tuple[str, str]]) -> None:
    """Whatever is written into the section, in whatever order; and writing the same twice changes nothing."""
    after = notes
    for key, text in lines:
        after = with_line(after, key, text)
        assert with_line(after, key, text) == after
    assert after.count(BEGIN) == after.count(END) == 1
    kept = notes.replace(BEGIN, "").replace(END, "")
    assert after.startswith(kept.rstrip()) or BEGIN in notes
    keys = dict.fromkeys(key for key, _ in lines)
    assert [
        line.rpartition("<!-- ")[2] for line in after[after.index(BEGIN) :].splitlines() if line.startswith("- ")
    ] == [f"{key} -->" for key in keys]
