"""Variables in rendered objects are Flux's: each case was played by Flux's own library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.sync.rendering.expressions import expanded
from sluice.sync.rendering.operators import LARGEST
from sluice.sync.rendering.substitution import checked, substituted

PLAYED = json.loads((Path(__file__).parent / "substitutions.json").read_text())
"""Inputs and what `SubstituteVariables` of github.com/fluxcd/pkg/kustomize, v1.40.0, makes of them."""


def config(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data}


@pytest.mark.parametrize("case", PLAYED["cases"], ids=[str(number) for number in range(len(PLAYED["cases"]))])
def test_an_object_becomes_what_it_becomes_in_flux(case: dict[str, Any]) -> None:
    """Or is refused where Flux refuses it."""
    manifest, strict = case["manifest"], case.get("strict", False)
    if "refused" in case:
        with pytest.raises(InvalidError):
            substituted(manifest, checked(case.get("vars", PLAYED["vars"])), strict=strict)
    else:
        assert substituted(manifest, checked(PLAYED["vars"]), strict=strict) == case["becomes"]


def test_an_object_without_expressions_is_the_one_that_came() -> None:
    """Nothing is written out and read again: a thousand objects cost nothing."""
    one = config(port="80", yes="yes", exp="1e3", dollar="$HOME")
    assert substituted(one, {"a": "b"}) is one


def test_a_pattern_of_a_definition_keeps_its_backslashes() -> None:
    """Also next to an expression (fluxcd/kustomize-controller#437)."""
    pattern = r"^([a-zA-Z0-9_\-.\\\/]|\[[0-9]{1,5}\])+$"
    assert substituted(config(k="${a}", p=pattern), {"a": "b"})["data"] == {"k": "b", "p": pattern}


@pytest.mark.parametrize("name", ["a-b", "1a", "", "a.b", "ä"])
def test_a_name_that_no_expression_can_have_is_refused(name: str) -> None:
    """A key of a ConfigMap may be `tls.crt`: its owner hears that it is no variable."""
    with pytest.raises(InvalidError, match="cannot be a variable's name"):
        checked({name: "x"})


def test_a_variable_has_one_line() -> None:
    """As with Flux: the newline at the end of a Secret's value is none of it."""
    assert checked({"a": "x\ny\n"}) == {"a": "xy"}


@pytest.mark.parametrize("value", ["hunter2: {", "hunter2: [x\t", "'hunter2", "*hunter2", "- hunter2\n? ["])
def test_a_value_is_never_in_a_message(value: str) -> None:
    """It may be a Secret's: the object is named, and the way out."""
    one = config(k="${a}", l="x: ${a} y")
    with pytest.raises(InvalidError, match=r"ConfigMap a .*quote the expression") as caught:
        substituted(one, checked({"a": value}))
    assert "hunter2" not in str(caught.value)


def test_strict_names_the_variable_and_no_value() -> None:
    """With the way out."""
    with pytest.raises(InvalidError, match=r"ConfigMap a: variable 'missing' is not set.*or a default"):
        substituted(config(k="${missing}"), {"a": "hunter2"}, strict=True)


def test_replacements_within_replacements_are_no_bomb() -> None:
    """Each level multiplies: what comes of it has an end."""
    text = "x"
    for _ in range(8):
        text = f"${{a//y/{text}}}"
    with pytest.raises(InvalidError, match="16 MiB"):
        expanded(text, {"a": "y" * 1000})
    with pytest.raises(InvalidError, match="16 MiB"):
        expanded("${a}" * 40, {"a": "y" * 1024 * 1024})
    assert LARGEST == 16 * 1024**2


@pytest.mark.parametrize("text", ["${a:=" * 5000, "${a:=" * 51 + "}" * 51, "${" * 5000, "${a" * 5000])
def test_expressions_without_end_are_refused(text: str) -> None:
    """No stack runs over."""
    with pytest.raises(InvalidError):
        expanded(text, {})


def test_patterns_are_tried_in_bounded_steps() -> None:
    """Many stars on a long value: linear in both for each beginning, and no beginning of what is longer than a few pages."""
    assert expanded("${a##" + "*x" * 40 + "}", {"a": "y" * 4000}) == "y" * 4000
    assert expanded("${a#y*}", {"a": "y" * 10_000}) == "y" * 10_000


@given(st.text(alphabet="${}a:=-/#%^,\\ \n'\"[]*x", max_size=60))
def test_whatever_is_written_it_is_expanded_or_refused(text: str) -> None:
    """No other error, and what has no expression and no doubled dollar stays."""
    try:
        done = expanded(text, {"a": "value"})
    except InvalidError:
        return
    if "${" not in text and "$$" not in text:
        assert done == text
