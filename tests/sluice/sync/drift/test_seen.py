"""By its metadata alone an object is known to be as it was applied, or not known to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluice.sync.drift.seen import Change, Known, Seen, by_another, change, digest, seen

BEFORE = Seen(uid="u", version=10, generation=3, fields=b"all", time="2026-11-27T18:49:21Z")
KNOWN = Known(digest({"a": 1}), BEFORE)
PLAIN = replace(BEFORE, generation=0)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(BEFORE, BEFORE, Change.NONE, id="nothing happened"),
        pytest.param(BEFORE, replace(BEFORE, version=11), Change.NONE, id="its status changed"),
        pytest.param(BEFORE, replace(BEFORE, version=11, generation=4), Change.PERHAPS, id="its spec changed"),
        pytest.param(BEFORE, replace(BEFORE, version=11, fields=b"less"), Change.PERHAPS, id="a label changed"),
        pytest.param(PLAIN, replace(PLAIN, version=11), Change.PERHAPS, id="no generation says that it did not change"),
        pytest.param(BEFORE, replace(BEFORE, version=11, uid="v"), Change.GONE, id="another one is in its place"),
        pytest.param(BEFORE, None, Change.GONE, id="it is not there"),
        pytest.param(BEFORE, replace(BEFORE, version=9, fields=b""), Change.NONE, id="a watch that lags"),
    ],
)
def test_what_became_of_an_object(before: Seen, now: Seen | None, expected: Change) -> None:
    """Only what cannot be a change of ours is called none."""
    assert change(replace(KNOWN, seen=before), now) is expected


def test_without_memory_a_change_is_anothers_where_our_time_stays() -> None:
    """Our own apply sets it."""
    lost = replace(BEFORE, version=11, fields=b"less")
    assert by_another(BEFORE, lost)
    assert not by_another(BEFORE, replace(lost, time="2026-11-27T18:50:00Z"))
    assert not by_another(BEFORE, replace(BEFORE, version=11))


def test_an_object_that_we_never_applied_has_no_fields_of_ours() -> None:
    """Nor one of which only the status is written under our name."""
    item: dict[str, Any] = {"metadata": {"uid": "u", "resourceVersion": "1"}}
    assert seen(item, "sluice").fields == b""
    entry = {"manager": "sluice", "operation": "Update", "fieldsV1": {"f:data": {}}}
    item["metadata"]["managedFields"] = [entry, {**entry, "operation": "Apply", "subresource": "status"}]
    assert seen(item, "sluice").fields == b""
    item["metadata"]["managedFields"].append({**entry, "operation": "Apply", "time": "t"})
    assert seen(item, "sluice").fields
    assert seen(item, "sluice").time == "t"


def test_the_order_of_keys_makes_no_other_manifest() -> None:
    """A renderer may write them as it likes."""
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})
