"""By its metadata alone an object is known to be as it was applied, or not known to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluice.sync.drift.seen import Change, Known, Seen, by_another, change, digest, ours_changed, seen

BEFORE = Seen(uid="u", version=10, generation=3, fields=b"all", rest=b"", time="2026-11-27T18:49:21Z")
KNOWN = Known(digest({"a": 1}), BEFORE)
PLAIN = replace(BEFORE, generation=0)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(BEFORE, BEFORE, Change.NONE, id="nothing happened"),
        pytest.param(BEFORE, replace(BEFORE, version=11), Change.NONE, id="its status changed"),
        pytest.param(BEFORE, replace(BEFORE, version=11, generation=4), Change.PERHAPS, id="its spec changed"),
        pytest.param(BEFORE, replace(BEFORE, version=11, fields=b"less"), Change.PERHAPS, id="a label changed"),
        pytest.param(PLAIN, replace(PLAIN, version=11), Change.NONE, id="the status of a kind without generations"),
        pytest.param(PLAIN, replace(PLAIN, version=11, rest=b"more"), Change.PERHAPS, id="somebody wrote something"),
        pytest.param(BEFORE, replace(BEFORE, version=11, uid="v"), Change.GONE, id="another one is in its place"),
        pytest.param(BEFORE, None, Change.GONE, id="it is not there"),
        pytest.param(BEFORE, replace(BEFORE, version=9, fields=b""), Change.NONE, id="a watch that lags"),
    ],
)
def test_what_became_of_an_object(before: Seen, now: Seen | None, expected: Change) -> None:
    """Only what cannot be a change of ours is called none."""
    assert change(replace(KNOWN, seen=before), now) is expected


def test_what_others_own_is_no_change_of_ours() -> None:
    """A controller that annotates our ConfigMap every second is nobody's drift."""
    assert not ours_changed(BEFORE, replace(BEFORE, version=11, generation=4, rest=b"more"))
    assert ours_changed(BEFORE, replace(BEFORE, version=11, fields=b"less"))
    assert ours_changed(BEFORE, None)
    assert not ours_changed(BEFORE, replace(BEFORE, version=9, fields=b"less")), "older than our own write"


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
    entry = {"manager": "sluice", "operation": "Apply", "fieldsV1": {"f:data": {}}}
    item["metadata"]["managedFields"] = [{**entry, "manager": "other"}, {**entry, "subresource": "status"}]
    assert seen(item, "sluice").fields == b""
    item["metadata"]["managedFields"].append({**entry, "time": "t"})
    assert seen(item, "sluice").fields
    assert seen(item, "sluice").time == "t"


def test_what_a_person_adds_with_kubectl_is_ours_to_take_away() -> None:
    """A label that `kubectl label` adds changes no generation and takes nothing from us, and an apply puts it right."""
    entry = {"manager": "sluice", "operation": "Apply", "fieldsV1": {"f:data": {}}, "time": "t"}
    item: dict[str, Any] = {"metadata": {"uid": "u", "resourceVersion": "1", "managedFields": [entry]}}
    before = seen(item, "sluice")
    item["metadata"] |= {"resourceVersion": "2"}
    item["metadata"]["managedFields"].append({**entry, "manager": "kubectl-label", "operation": "Update"})
    assert ours_changed(before, seen(item, "sluice"))
    item["metadata"]["managedFields"][1]["manager"] = "a-controller"
    assert not ours_changed(before, seen(item, "sluice"))


def test_the_order_of_keys_makes_no_other_manifest() -> None:
    """A renderer may write them as it likes."""
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_what_is_written_through_a_subresource_is_not_the_rest() -> None:
    """An autoscaler's own status changes every few seconds."""
    item: dict[str, Any] = {"metadata": {"uid": "u", "resourceVersion": "1", "managedFields": []}}
    before = seen(item, "sluice")
    entry = {"manager": "m", "operation": "Update", "fieldsV1": {"f:status": {}}, "subresource": "status"}
    item["metadata"]["managedFields"] = [entry]
    assert seen(item, "sluice") == before
    item["metadata"]["managedFields"] = [{**entry, "subresource": ""}]
    assert seen(item, "sluice").rest != before.rest
