"""What `sluice diff` prints: the fields that would change, and never a Secret's value."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.sync.drift.shown import MOST_LINES, diff

Object = dict[str, Any]


def item(kind: str = "ConfigMap", **content: Any) -> Object:
    meta = {"name": "a", "namespace": "t", "uid": "u", "resourceVersion": "7", "managedFields": [{"manager": "sluice"}]}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **content}


def test_one_field_is_a_line_before_and_a_line_after() -> None:
    """Versions, managedFields and the status are nobody's to apply."""
    before = item(data={"k": "1", "same": "x"}, status={"ready": True})
    after = {**item(data={"k": "2", "same": "x"}), "metadata": {**item()["metadata"], "resourceVersion": "8"}}
    lines = diff(before, after)
    assert lines[:2] == ["--- cluster: ConfigMap t/a", "+++ git: ConfigMap t/a"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  k: '1'", "+  k: '2'"]
    assert "resourceVersion" not in "\n".join(lines)


def test_no_difference_is_no_lines() -> None:
    """Whatever its status says."""
    assert diff(item(data={"k": "1"}, status={"a": 1}), item(data={"k": "1"})) == []


@pytest.mark.parametrize(("before", "after", "sign"), [(None, item(), "+"), (item(), None, "-")], ids=["new", "gone"])
def test_an_object_that_comes_or_goes_is_shown_as_a_whole(
    before: Object | None, after: Object | None, sign: str
) -> None:
    """With its kind and name in each line that matters."""
    assert f"{sign}kind: ConfigMap" in diff(before, after)


@pytest.mark.parametrize("part", ["data", "stringData"])
def test_a_secrets_values_are_never_shown(part: str) -> None:
    """Not in the copy that kubectl keeps either; only that they differ."""
    copy = {"kubectl.kubernetes.io/last-applied-configuration": "secret-old"}
    before = item("Secret", **{part: {"p": "secret-old", "q": "secret-same", "r": "secret-gone"}})
    before["metadata"]["annotations"] = copy
    after = item("Secret", **{part: {"p": "secret-new", "q": "secret-same", "s": "secret-more"}})
    text = "\n".join(diff(before, after))
    assert "secret-" not in text
    assert "-  p: '*** (before)'" in text
    assert "+  p: '*** (after)'" in text
    assert "+  s: '*** (after)'" in text
    assert [line for line in text.splitlines() if " q:" in line and line[0] in "+-"] == []


def test_a_diff_that_nobody_reads_is_cut() -> None:
    """A ConfigMap with a whole file in it."""
    lines = diff(item(data={"f": "a\n" * 5000}), item(data={f"k{n}": "b" for n in range(5000)}))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1].endswith("lines more")
