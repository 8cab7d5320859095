"""Ranges mean what Masterminds/semver says they mean: what a user of Flux writes chooses the same versions here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from sluice.errors import InvalidError
from sluice.images.ranges import parse_range, parse_version

TABLE = [
    # range, versions inside, versions outside
    ("*", "0.0.0 1.2.3 99.0.0", "1.0.0-rc.1"),
    ("x", "0.0.0 1.2.3", "1.0.0-rc.1"),
    ("1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.3-rc.1"),
    ("=1.2.3", "1.2.3", "1.2.2"),
    ("1.2", "1.2.0 1.2.9", "1.3.0 1.1.9"),
    ("1", "1.0.0 1.9.9", "2.0.0 0.9.9"),
    ("1.x", "1.0.0 1.9.9", "2.0.0"),
    ("1.2.X", "1.2.0 1.2.9", "1.3.0"),
    ("v1.2.3", "1.2.3", "1.2.4"),
    ("!=1.2.3", "1.2.2 1.2.4", "1.2.3"),
    ("!=1.2", "1.1.0 1.3.0 2.2.0", "1.2.0 1.2.7"),
    ("!=1.x", "0.9.0 2.0.0", "1.0.0 1.7.3"),
    (">1.2.3", "1.2.4 2.0.0", "1.2.3 1.2.2"),
    (">1.2", "1.3.0 2.0.0", "1.2.0 1.2.9 1.1.0"),
    (">1", "2.0.0", "1.0.0 1.9.9"),
    (">=1.2", "1.2.0 1.3.0", "1.1.9"),
    ("=>1.2.0", "1.2.0", "1.1.9"),
    ("<1.2", "1.1.9", "1.2.0"),
    ("<=1.2", "1.2.9 0.1.0", "1.3.0"),
    ("=<1", "1.9.9", "2.0.0"),
    ("<=1.2.3", "1.2.3", "1.2.4"),
    ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
    ("~>1.2.3", "1.2.9", "1.3.0"),
    ("~1.2", "1.2.0 1.2.9", "1.3.0"),
    ("~1", "1.0.0 1.9.0", "2.0.0"),
    ("~0.0.0", "0.0.1 0.3.0 7.0.0", "1.0.0-rc.1"),
    ("^1.2.3", "1.2.3 1.9.0", "2.0.0 1.2.2"),
    ("^1.2.x", "1.2.0 1.9.0", "2.0.0 1.1.9"),
    ("^0.2.3", "0.2.3 0.2.9", "0.3.0 1.0.0"),
    ("^0.2", "0.2.0 0.2.9", "0.3.0"),
    ("^0.0.3", "0.0.3", "0.0.4 0.1.0"),
    ("^0.0", "0.0.0 0.0.9", "0.1.0"),
    ("^0", "0.0.0 0.9.0", "1.0.0"),
    ("1.2 - 1.4.5", "1.2.0 1.4.5", "1.4.6 1.1.9"),
    ("1 - 2", "1.0.0 2.9.9", "3.0.0 0.9.9"),
    (">=1.0.0 <2.0.0", "1.0.0 1.9.9", "2.0.0"),
    (">=1.0.0, <2.0.0, !=1.5.0", "1.4.9", "1.5.0 2.0.0"),
    (" >= 1.0.0 , < 2.0.0 ", "1.0.0", "2.0.0"),
    ("^1.0.0 || ^3.1", "1.5.0 3.2.0", "2.0.0 3.0.9"),
    ("1.2.3 || 2.x - 3", "1.2.3 2.0.0 3.9.9", "1.2.4 4.0.0"),
    # The rule for prereleases: only where a comparator of the same "and" names one.
    (">=1.0.0", "1.0.0", "1.1.0-rc.1 2.0.0-alpha"),
    (">=1.0.0-0", "1.0.0-alpha 1.1.0-rc.1 1.1.0", "0.9.9"),
    (">=1.0.0-rc.2", "1.0.0-rc.2 1.0.0-rc.10 1.0.0 1.1.0-alpha", "1.0.0-rc.1 1.0.0-beta"),
    (">=1.0.0-0 <2.0.0", "1.5.0-rc.1 2.0.0-rc.1", "2.0.0"),
    (">=1.0.0-0 <2.0.0-0", "1.5.0-rc.1", "2.0.0-rc.1 2.0.0"),
    (">=3.0.0 || 1.0.0-rc.1", "3.0.0 1.0.0-rc.1", "3.1.0-rc.1"),
    ("~1.2.3-beta.2", "1.2.3-beta.4 1.2.4", "1.2.3-beta.1 1.3.0"),
    ("!=1.2-rc.1", "1.2.0-rc.2 1.2.0 1.3.0", "1.2.0-rc.1 1.2.7-rc.1"),
    (">=1.0.0-0", "1.0.1-rc10 1.0.1-rc9", "0.9.9"),
    # The table of Masterminds' README.
    ("1.2 - 1.4.5", "1.2.0 1.4.5", "1.4.6"),
    ("2.3.4 - 4.5", "2.3.4 4.5.9", "2.3.3 4.6.0"),
    ("1.2.x", "1.2.0 1.2.9", "1.3.0"),
    (">= 1.2.x", "1.2.0 9.0.0", "1.1.9"),
    ("<= 2.x", "2.9.9 0.1.0", "3.0.0"),
    ("~1.x", "1.0.0 1.9.9", "2.0.0"),
    ("~2.3", "2.3.0 2.3.9", "2.4.0"),
    ("~1.2.x", "1.2.0 1.2.9", "1.3.0"),
    ("^2.x", "2.0.0 2.9.9", "3.0.0"),
    ("^2.3", "2.3.0 2.9.9", "3.0.0 2.2.9"),
    (">= 1.2, < 3.0.0 || >= 4.2.3", "1.2.0 2.9.9 4.2.3", "3.0.0 4.2.2"),
    ("^1.2.0-alpha.1", "1.2.0-alpha.1 1.3.0-rc.1 1.9.0", "2.0.0 1.2.0-alpha.0"),
]


@pytest.mark.parametrize(("text", "inside", "outside"), TABLE, ids=[row[0] for row in TABLE])
def test_a_range_allows_what_flux_allows(text: str, inside: str, outside: str) -> None:
    """Each row is a fact of the library that Flux uses."""
    wanted = parse_range(text)
    assert [one for one in inside.split() if not wanted.allows(Version.parse(one))] == []
    assert [one for one in outside.split() if wanted.allows(Version.parse(one))] == []


@pytest.mark.parametrize(
    "text",
    ["", "  ", "||", "1.0.0 ||", ">=", ">>1", "latest", "1.2.3.4", "1.0.0,,2.0.0", "1.0.0,", "^1.0.0beta", "9" * 600],
)
def test_what_is_no_range_is_refused_with_the_fields_name(text: str) -> None:
    """A typing error in a policy never means "everything"."""
    with pytest.raises(InvalidError, match=r"spec\.policy"):
        parse_range(text, field="spec.policy")


@pytest.mark.parametrize(
    ("tag", "read"),
    [
        ("1.2.3", True),
        ("v1.2.3", True),
        ("1.2.3-rc.1", True),
        ("1.2", False),
        ("latest", False),
        ("vv1.2.3", False),
        ("V1.2.3", False),
        ("1.02.3", False),
        ("1.2.3-", False),
        ("sha-abc", False),
    ],
)
def test_only_whole_versions_are_versions(tag: str, read: bool) -> None:
    """`1.2` is a moving tag, not a version; so Flux reads it, too."""
    assert (parse_version(tag) is not None) is read


NUMBERS = st.integers(0, 4)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, st.sampled_from([None, "alpha", "rc.1", "rc.2", "0"]))


@given(VERSIONS, VERSIONS)
def test_a_range_and_its_opposite_share_out_all_releases(base: Version, version: Version) -> None:
    """`>=` and `<`, `>` and `<=`, `=` and `!=`: each release is in exactly one of the two."""
    for one, other in ((">=", "<"), (">", "<="), ("=", "!=")):
        inside = parse_range(f"{one}{base}").allows(version), parse_range(f"{other}{base}").allows(version)
        if not version.prerelease or base.prerelease:
            assert sum(inside) == 1, (one, other)
        else:
            assert sum(inside) == 0


@given(VERSIONS, VERSIONS, VERSIONS)
def test_or_is_or_and_space_is_and(one: Version, other: Version, version: Version) -> None:
    """Releases: the parts of a range combine as logic says."""
    left, right = parse_range(f">={one}"), parse_range(f"<{other}")
    release = version.replace(prerelease=None)
    assert parse_range(f">={one} || <{other}").allows(release) == (left.allows(release) or right.allows(release))
    assert parse_range(f">={one}, <{other}").allows(release) == (left.allows(release) and right.allows(release))


TEXTS = st.lists(st.sampled_from(["0", "1", "rc", "rc9", "rc10", "alpha", "beta", "11", "2"]), max_size=3)
ANY = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, TEXTS.map(".".join).map(lambda text: text or None))


def _precedence(version: Version) -> tuple[object, ...]:
    """The order of semver.org, written out once more: numbers before texts, fewer before more, a release last."""
    parts = version.prerelease.split(".") if version.prerelease else []
    ordered = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    return (version.major, version.minor, version.patch, not parts, ordered)


@given(ANY, ANY)
def test_versions_are_ordered_as_semver_org_says(one: Version, other: Version) -> None:
    """`rc10` before `rc9`, `rc.9` before `rc.10`; and `>=`, `<` say the same of each pair."""
    assert (one < other) == (_precedence(one) < _precedence(other))
    if one.prerelease or not other.prerelease:
        assert parse_range(f">={one}").allows(other) == (_precedence(other) >= _precedence(one))
        assert parse_range(f"<{one}").allows(other) == (_precedence(other) < _precedence(one))


SAMPLES = st.tuples(
    st.sampled_from(["^", "~", "=", ">", ">=", "<", "<=", ""]), st.lists(st.integers(0, 4), min_size=1, max_size=3)
)


@given(SAMPLES, VERSIONS)
def test_a_range_in_part_is_what_the_documentation_writes_it_as(
    given_: tuple[str, list[int]], version: Version
) -> None:
    """`^1.2` is `>=1.2.0 <2.0.0`, `~1` is `>=1.0.0 <2.0.0`, `>1.2` is `>=1.3.0`: for each release the same."""
    operator, numbers = given_
    first = [*numbers, 0, 0][:3]

    def next_at(place: int) -> str:
        return ".".join(map(str, [*first[:place], first[place] + 1, 0, 0][:3]))

    low, after = ".".join(map(str, first)), next_at(len(numbers) - 1)
    caret = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    tilde = min(len(numbers), 2) - 1
    whole = len(numbers) == 3 and first == [0, 0, 0]
    written = {
        "^": f">={low} <{next_at(caret)}",
        "~": f">={low}" if whole else f">={low} <{next_at(tilde)}",
        "=": f">={low} <{after}",
        "": f">={low} <{after}",
        ">": f">={after}",
        ">=": f">={low}",
        "<": f"<{low}",
        "<=": f"<{after}",
    }[operator]
    release = version.replace(prerelease=None)
    text = operator + ".".join(map(str, numbers))
    assert parse_range(text).allows(release) == parse_range(written).allows(release), written
