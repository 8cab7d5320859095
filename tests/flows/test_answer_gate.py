"""Answers to Gates from Prefect's UI: a flow that somebody starts with typed parameters."""

from __future__ import annotations

from typing import Any

import pytest

from flows import answer_gate as told
from sluice.errors import InvalidError
from tasks.people.asking.answer_gate import answer_at_gate
from tests.connected import connected
from tests.gates import gate_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest

STATUS: dict[str, Any] = {"phase": "Waiting", "lastAppliedSpec": "r2"}


def cluster(**approval: Any) -> MemoryCluster:
    it = MemoryCluster()
    it.add(canary_manifest(status=STATUS), gate_object(approval=approval))
    return it


def records(it: MemoryCluster) -> list[dict[str, Any]]:
    return [item["spec"] for key, item in it.objects.items() if key[0] == "AuditRecord"]


async def answered(it: MemoryCluster, **more: Any) -> str:
    nothing: Any = None
    async with connected(it, router=nothing, metrics=nothing, gates=nothing):
        return await answer_at_gate.fn(NAMESPACE, NAME, **more)


async def test_an_answer_from_the_ui_is_a_record_as_every_other() -> None:
    """By a name that says that nobody knows who it was; and once, however often it is given."""
    it = cluster()
    assert "approve of shop.shop-test@r2" in await answered(it, answer="approve")
    await answered(it, answer="approve")
    (said,) = records(it)
    assert (said["act"], said["by"], said["through"], said["revision"]) == ("approve", "prefect-ui", "prefect", "r2")


async def test_a_gate_of_named_people_takes_none_from_the_ui() -> None:
    """Everybody who reaches the UI has one name: a Gate that wants to know who it was does not name it."""
    it = cluster(people=["alice"])
    with pytest.raises(InvalidError, match="prefect-ui may not answer"):
        await answered(it, answer="approve")
    assert records(it) == []
    await answered(cluster(people=["alice", "prefect-ui"]), answer="approve")


async def test_a_rejection_needs_a_reason() -> None:
    """As everywhere."""
    with pytest.raises(InvalidError, match="reason"):
        await answered(cluster(), answer="reject")


def test_the_form_offers_the_two_answers() -> None:
    """Prefect draws it from the flow's parameters."""
    schema = told.answer_gate.parameters.model_dump()
    assert schema["properties"]["answer"]["enum"] == ["approve", "reject"]
    assert schema["required"] == ["namespace", "canary"]
