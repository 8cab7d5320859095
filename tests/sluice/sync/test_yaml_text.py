"""YAML is read as kubectl and kustomize read it, and not as YAML 1.1 has it."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.sync.objects import read_objects

READ = {
    '"="': "=",
    "=": "=",
    "12:30": "12:30",
    "190:20:30": "190:20:30",
    "2024-01-01": "2024-01-01",
    "2024-01-01T10:00:00Z": "2024-01-01T10:00:00Z",
    "1e3": 1000,
    "0644": 420,
    "0o17": 15,
    "0x1F": 31,
    "1_000": 1000,
    "-3": -3,
    "1.5": 1.5,
    "0": 0,
    "yes": True,
    "y": "y",
    "~": None,
    "1.2.3": "1.2.3",
    "-": [None],
}


@pytest.mark.parametrize("text", READ)
def test_a_plain_scalar_is_what_kubernetes_tools_take_it_for(text: str) -> None:
    """PyYAML refuses `=`, makes 750 of `12:30` and a date of what looks like one."""
    (one,) = read_objects(f"apiVersion: v1\nkind: X\nmetadata: {{name: x}}\nvalue:\n  {text}\n", "here")
    assert (one["value"], type(one["value"])) == (READ[text], type(READ[text]))


def test_the_definitions_of_prometheus_operator_can_be_read() -> None:
    """Their enumerations hold a plain `=` (github.com/prometheus-operator/prometheus-operator, AlertmanagerConfig)."""
    text = 'apiVersion: v1\nkind: X\nmetadata: {name: x}\nmatchType:\n  enum:\n  - "!="\n  - =\n  - =~\n  - "!~"\n'
    found: list[dict[str, Any]] = read_objects(text, "here")
    assert found[0]["matchType"]["enum"] == ["!=", "=", "=~", "!~"]
