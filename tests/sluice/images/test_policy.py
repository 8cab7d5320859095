"""Policies: which tag is the latest one wanted, from the set of tags alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.images.policy import latest_tag
from sluice.images.ranges import parse_range, parse_version
from sluice.images.tags import visible
from sluice.manifests.flux.image_policy import ImagePolicySpec


def spec(filter_tags: dict[str, str] | None = None, **policy: Any) -> ImagePolicySpec:
    body: dict[str, Any] = {"imageRepositoryRef": {"name": "shop"}, "policy": policy}
    if filter_tags:
        body["filterTags"] = filter_tags
    return ImagePolicySpec.model_validate(body)


TIMESTAMP = {"pattern": r"^main-[a-f0-9]+-(?P<ts>[0-9]+)", "extract": "$ts"}


@pytest.mark.parametrize(
    ("wanted", "tags", "latest"),
    [
        (spec(semver={"range": ">=1.0.0"}), "1.9.0 1.10.0 latest 0.9.0", "1.10.0"),
        (spec(semver={"range": ">=1.0.0"}), "1.0.0 1.1.0-rc.1", "1.0.0"),
        (spec(semver={"range": ">=1.0.0-0"}), "1.0.0 1.1.0-rc.1", "1.1.0-rc.1"),
        (spec(semver={"range": "1.x"}), "v1.2.0 v1.10.0 v2.0.0", "v1.10.0"),
        (spec(semver={"range": ">=5"}), "1.0.0", None),
        (spec(semver={"range": "*"}), "1.0.0+two 1.0.0+one", "1.0.0+one"),
        (spec(alphabetical={}), "a c b", "c"),
        (spec(alphabetical={"order": "desc"}), "a c b", "a"),
        (spec(numerical={}), "9 10 2", "10"),
        (spec(numerical={"order": "desc"}), "9 10 2", "2"),
        (spec(numerical={}), "1.5 1.25", "1.5"),
        (spec(TIMESTAMP, numerical={"order": "asc"}), "main-ab-99 main-cd-100 dev-ef-500 latest", "main-cd-100"),
        (
            spec({"pattern": "^v(.*)-prod$", "extract": "$1"}, semver={"range": "*"}),
            "v1.2.0-prod v1.3.0-dev",
            "v1.2.0-prod",
        ),
        (spec({"pattern": "^rel-"}, alphabetical={}), "rel-a zzz rel-b", "rel-b"),
        (
            spec({"pattern": r"^(?<major>\d+)-(?<minor>\d+)$", "extract": "${major}.$minor"}, numerical={}),
            "1-5 1-25",
            "1-5",
        ),
        (spec({"pattern": "nothing"}, alphabetical={}), "a b", None),
        (spec({"pattern": "^(([a-z0-9])+.?)+-rc$"}, alphabetical={}), f"{'a' * 24} {'b' * 128}", None),
        (spec({"pattern": "^[[:alpha:]]+$"}, alphabetical={}), "a b9", "a"),
        (spec({"pattern": r"^\pL+\z"}, alphabetical={}), "a 9b", "a"),
        (spec({"pattern": r"^(?P<ts>\d+)-(?i:RC)$", "extract": "${ts}"}, numerical={}), "9-rc 10-Rc 11", "10-Rc"),
    ],
)
def test_the_latest_tag_is_the_one_flux_chooses(wanted: ImagePolicySpec, tags: str, latest: str | None) -> None:
    """Semantic versions, letters and numbers, filtered and extracted."""
    assert latest_tag(wanted, tags.split()) == latest


@pytest.mark.parametrize(
    ("wanted", "tags", "said"),
    [
        (spec(), "1", "exactly one of semver, alphabetical, numerical; it has none"),
        (spec(semver={"range": "*"}, numerical={}), "1", "semver, numerical"),
        (spec(semver={"range": "newest"}), "1.0.0", r"spec\.policy\.semver\.range 'newest'"),
        (spec(numerical={}), "1 latest", r"spec\.policy\.numerical: 'latest'"),
        (spec(numerical={}), "1_000", "1_000"),
        (spec(numerical={}), "nan", "nan"),
        (spec({"pattern": "(["}, alphabetical={}), "a", r"spec\.filterTags\.pattern"),
        (spec({"pattern": r"(a)\1"}, alphabetical={}), "a", r"spec\.filterTags\.pattern .*RE2"),
        (spec({"pattern": "(?=a)a"}, alphabetical={}), "a", r"spec\.filterTags\.pattern .*RE2"),
        (spec({"pattern": "((a{1000}){1000}){1000}"}, alphabetical={}), "a", r"spec\.filterTags\.pattern .*RE2"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_fields_name(wanted: ImagePolicySpec, tags: str, said: str) -> None:
    """A person can go to the field and correct it."""
    with pytest.raises(InvalidError, match=said):
        latest_tag(wanted, tags.split())


def test_signatures_and_excluded_tags_do_not_count() -> None:
    """`exclusionList` takes tags out before any policy sees them."""
    assert visible(["1.0", "sha256-ab.sig", "1.0", "dev-1"], [r"^.*\.sig$", "^dev"]) == ("1.0",)
    with pytest.raises(InvalidError, match=r"spec\.exclusionList"):
        visible(["1"], ["("])


@pytest.mark.parametrize(
    ("template", "compared"),
    [("$$1-$2", "$1-b"), ("${1}x", "ax"), ("$1x", ""), ("$9", ""), ("$name", "b"), ("$", "$")],
    ids=["dollar", "braces", "longest-name", "unknown", "named", "alone"],
)
def test_extracts_expand_as_gos_do(template: str, compared: str) -> None:
    """The same template takes the same part of a tag as in Flux."""
    from sluice.images.tags import compared as compare
    from sluice.manifests.flux.image_policy import TagFilter

    rule = TagFilter(pattern="(a)-(?P<name>b)", extract=template)
    assert compare(["a-b"], rule) == {compared: "a-b"}


TAGS = st.lists(
    st.one_of(
        st.builds(
            "{}{}.{}.{}{}".format,
            st.sampled_from(["", "v"]),
            st.integers(0, 3),
            st.integers(0, 12),
            st.integers(0, 3),
            st.sampled_from(["", "-rc.1", "-0", "+b1"]),
        ),
        st.sampled_from(["latest", "main", "1.2"]),
    ),
    max_size=12,
)
RANGES = st.sampled_from([">=1.0.0", "^1.2", "~0.3", "1.x || 3.x", ">=1.0.0-0", "*", "!=2.0.0", "1.2 - 2.5"])


@given(TAGS, RANGES, st.randoms())
def test_the_chosen_tag_is_in_the_range_and_nothing_greater_is(tags: list[str], text: str, chance: Any) -> None:
    """And the answer depends on the set of tags only, not on their order: no late push takes a newer one back."""
    chosen = latest_tag(spec(semver={"range": text}), tags)
    accepted = parse_range(text)
    inside = {tag: version for tag in tags if (version := parse_version(tag)) and accepted.allows(version)}
    if chosen is None:
        assert not inside
    else:
        assert all(inside[chosen] >= version for version in inside.values())
    shuffled = list(tags)
    chance.shuffle(shuffled)
    assert latest_tag(spec(semver={"range": text}), shuffled + shuffled[:2]) == chosen


@given(st.lists(st.integers(-5, 2000).map(str), min_size=1))
def test_the_greatest_number_wins_whatever_its_length(tags: list[str]) -> None:
    """Numbers are compared as numbers; `desc` is the other end."""
    assert latest_tag(spec(numerical={}), tags) == str(max(map(int, tags)))
    assert latest_tag(spec(numerical={"order": "desc"}), tags) == str(min(map(int, tags)))
