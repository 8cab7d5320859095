"""Values of a release: read as helm reads them, merged as Flux merges them, and known again by Flux's digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError, NotFoundError
from sluice.helm.values.composed import composed, merged, read_values, same_values
from sluice.helm.values.config_digest import EMPTY, config_digest, go_yaml
from sluice.helm.values.set_path import put_path
from sluice.manifests.flux.helm.release import ValuesReference

DIGESTS = json.loads((Path(__file__).parent / "config_digests.json").read_text())
"""Values and the digests that Flux's own code (github.com/fluxcd/pkg/chartutil v1.35.0, DigestValues) makes of them."""
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("abcyn01.:-_# \n'\"é", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc1", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("row", DIGESTS, ids=lambda row: str(row["digest"])[7:15])
def test_the_digest_is_the_one_that_flux_writes(row: dict[str, Any]) -> None:
    assert config_digest(row["values"]) == row["digest"]


def test_no_values_have_the_digest_of_nothing() -> None:
    assert config_digest({}) == EMPTY


@given(st.dictionaries(st.text("abc1", min_size=1, max_size=4), JSON, max_size=4))
def test_what_the_digest_is_taken_over_means_the_same_values(values: dict[str, Any]) -> None:
    assert same_values(read_values(go_yaml(values), "it"), values) or not values


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("y", True),
        ("off", False),
        ("1e3", 1000),
        ("0o17", 15),
        ("017", 15),
        ("12:30", "12:30"),
        ("=", "="),
        ("1_000", 1000),
        ("2001-01-01", "2001-01-01"),
        ("~", None),
        ("0893", 893),
        ("1e500", "1e500"),
        ("'y'", "y"),
        ("0x1F", 31),
    ],
)
def test_plain_scalars_are_read_as_go_reads_them(written: str, value: Any) -> None:
    assert read_values(f"a: {written}", "it") == {"a": value}


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        ("a.b", "x", {"a": {"b": "x", "old": 1}}),
        ("a.old", "null", {"a": {"old": None}}),
        ("list[1].name", "8", {"a": {"old": 1}, "list": [None, {"name": 8}]}),
        (r"a\.b", "{x,2}", {"a": {"old": 1}, "a.b": ["x", 2]}),
        ("p", '"true"', {"a": {"old": 1}, "p": "true"}),
        ("p", "x,q=1", {"a": {"old": 1}, "p": "x", "q": 1}),
        ("p", "007", {"a": {"old": 1}, "p": "007"}),
    ],
)
def test_a_path_means_what_it_means_to_helm(path: str, value: str, result: dict[str, Any]) -> None:
    values: dict[str, Any] = {"a": {"old": 1}}
    put_path(values, path, value)
    assert values == result


def test_a_literal_value_is_put_in_as_it_is() -> None:
    text = '{"a": [1, 2], "b": "c\\d"}'
    values: dict[str, Any] = {}
    put_path(values, "config", text, literal=True)
    assert values == {"config": text}


@pytest.mark.parametrize("path", ["a.old.b", "a[0]", "a[-1]", "a[x]", "list[99999]", "a.b.", ".".join("a" * 40)])
def test_a_path_that_leads_nowhere_is_refused_without_the_value(path: str) -> None:
    with pytest.raises(InvalidError, match="targetPath") as refused:
        put_path({"a": {"old": 1}}, path, "s3cr3t")
    assert "s3cr3t" not in str(refused.value)


def reference(name: str, **also: Any) -> ValuesReference:
    return ValuesReference.model_validate({"kind": "Secret", "name": name, **also})


def test_later_references_go_over_earlier_ones_and_own_values_over_both() -> None:
    values = composed(
        {"b": "own", "c": "own"},
        [(reference("one"), "a: 1\nb: 1\nd: {x: 1}"), (reference("two"), "a: 2\nd: {z: 2}")],
    )
    assert values == {"a": 2, "b": "own", "c": "own", "d": {"x": 1, "z": 2}}


def test_a_path_into_a_map_of_own_values_goes_over_them_as_in_flux() -> None:
    """Flux's own case "target path precedence over all"; a path at the top does not, there as here."""
    own = {"nested": {"configuration": ["list", "item", "option"]}, "flat": "own"}
    paths = [
        (reference("values", targetPath="nested.configuration[0]"), "value"),
        (reference("values", targetPath="flat"), "value"),
    ]
    assert composed(own, paths) == {"nested": {"configuration": ["value", "item", "option"]}, "flat": "own"}
    assert own["nested"] == {"configuration": ["list", "item", "option"]}, "the manifest stays as it is"


def test_a_missing_reference_is_named_unless_it_is_optional() -> None:
    assert composed({}, [(reference("gone", optional=True), None)]) == {}
    with pytest.raises(NotFoundError, match=r"Secret gone, key values\.yaml"):
        composed({}, [(reference("gone"), None)])


@pytest.mark.parametrize("text", ["a: [s3cr3t", "- s3cr3t", "s3cr3t", "a: !!python/object:os.system s3cr3t"])
def test_values_that_cannot_be_read_are_not_quoted(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        composed({}, [(reference("odd"), text)])
    assert "s3cr3t" not in str(refused.value)


def test_a_null_goes_over_what_is_below_and_stays_for_helm() -> None:
    assert merged({"a": {"b": 1}}, {"a": {"b": None}}) == {"a": {"b": None}}


def test_true_is_not_one() -> None:
    assert not same_values({"a": True}, {"a": 1})
    assert same_values({"a": 1.0}, {"a": 1})
