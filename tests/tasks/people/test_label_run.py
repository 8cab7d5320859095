"""A run is named and tagged by what it carries, by a call only where that is new."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.people.label_run import label_run, tags_of
from tasks.scene.rollout_ref import RolloutRef

REF = RolloutRef(namespace="test", name="shop", version="1.2.0")
NAME, TAGS = f"roll_out {REF}", tags_of("shop", "test", "1.2.0")


@pytest.mark.parametrize(
    ("name", "tags", "written"),
    [
        (NAME, TAGS | {"mine"}, []),
        ("roll_out shop.test", TAGS, [sorted(TAGS)]),
        (NAME, {"mine"}, [sorted(TAGS | {"mine"})]),
        (NAME, tags_of("shop", "test", "1.1.0"), [sorted(TAGS | {"version:1.1.0"})]),
    ],
    ids=["all there", "another name", "no tags", "another version"],
)
async def test_what_is_there_is_not_written_again(
    name: str, tags: set[str], written: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker may have written it, with the rest, before the code began."""
    run, sent = uuid4(), []

    async def update(_client: PrefectClient, flow_run_id: UUID, **said: Any) -> None:
        sent.append((flow_run_id, said))

    monkeypatch.setattr(PrefectClient, "update_flow_run", update)
    now: dict[str, Any] = {"id": run, "name": name, "tags": sorted(tags)}
    for field, value in now.items():
        monkeypatch.setitem(flow_run.FIELDS, field, lambda value=value: value)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        await label_run.fn(REF)
    assert sent == [(run, {"name": NAME, "tags": tags}) for tags in written]
