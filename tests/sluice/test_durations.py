"""Durations in manifests."""

from __future__ import annotations

import pytest

from sluice.durations import go_duration, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", 30.0),
        ("1m", 60.0),
        ("1m30s", 90.0),
        ("1h2m3s", 3723.0),
        ("500ms", 0.5),
        ("1.5m", 90.0),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("0s", 0.0),
        (5, 5.0),
        (0.25, 0.25),
    ],
)
def test_go_durations_are_read_as_kubernetes_means_them(text: str | float, expected: float) -> None:
    """What `time.ParseDuration` takes means the same here; a bare number is seconds."""
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "30", "s", "1m 30s", "30s later", "-5s", "1d", "1,5m", "m30"])
def test_anything_else_is_refused_with_the_form(text: str) -> None:
    """The message shows how to write it."""
    with pytest.raises(ValueError, match=r"write for example 30s, 1m or 1m30s"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "text"), [(300, "5m0s"), (3600, "1h0m0s"), (90.5, "1m30.5s"), (0.25, "250ms"), (0, "0s"), (45, "45s")]
)
def test_durations_are_written_as_go_writes_them(value: float, text: str) -> None:
    """What Flux's messages and its `…Duration` fields have."""
    assert go_duration(value) == text
