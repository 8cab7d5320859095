"""An automation that starts a run for each event counts nothing in the database, and fires once for each."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.server.events import triggers

FIRE = """
import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4
import sqlalchemy as sa
from prefect.server.database import orm_models as orm, provide_database_interface
from prefect.server.events import triggers
from prefect.server.events.actions import DoNothing
from prefect.server.events.schemas.automations import Automation, EventTrigger, Posture
from prefect.server.events.schemas.events import ReceivedEvent

if {spared}:
    from deployments.server.firing import fire_without_counting
    fire_without_counting()

async def main():
    db, fired, said = provide_database_interface(), [], []
    engine = await db.engine()
    async with engine.begin() as connection:
        for model in (orm.Automation, orm.AutomationBucket):
            await connection.run_sync(model.__table__.create)
    sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2]))

    async def act(firing):
        fired.append(firing.triggering_event.id)

    triggers.act = act
    trigger = EventTrigger(
        expect={{"sluice.happened"}}, posture=Posture.Reactive, threshold={threshold}, within=timedelta(0)
    )
    automation = Automation(id=uuid4(), name="one", trigger=trigger, actions=[DoNothing()])
    async with await db.session() as session:
        stored = {{"trigger", "actions", "actions_on_trigger", "actions_on_resolve"}}
        values = automation.model_dump(mode="json", include=stored)
        session.add(orm.Automation(id=automation.id, name="one", enabled=True, **values))
        await session.commit()
    triggers.load_automation(automation)
    said.clear()
    about = dict(event="sluice.happened", resource={{"prefect.resource.id": "x"}})
    events = [ReceivedEvent(id=uuid4(), occurred=datetime.now(UTC), **about) for _ in range(4)]
    for event in events:
        await triggers.reactive_evaluation(event)
    rows = [line for line in said if "automation_bucket" in line]
    assert fired == [event.id for event in events][{threshold} - 1 :: {threshold}], fired
    print(bool(rows))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("spared", "threshold", "counted"),
    [(False, 1, True), (True, 1, False), (True, 2, True)],
    ids=["Prefect's own", "spared", "one that counts"],
)
def test_each_event_fires_and_none_is_counted(spared: bool, threshold: int, counted: bool, tmp_path: Path) -> None:
    """In a process of its own. What needs a count has it in the database as before."""
    code = FIRE.format(spared=spared, threshold=threshold)
    settings = {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path}/prefect.db",
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_LOGGING_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=settings
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(counted)


def test_the_parts_that_are_replaced_are_still_called_so() -> None:
    """By these names and with these parameters; a count is not made in another way."""
    evaluation, evaluate = (inspect.getsource(one) for one in (triggers.reactive_evaluation, triggers.evaluate))
    assert evaluation.count("await ensure_bucket(\n") == 2
    assert "await increment_bucket(session, bucket, count, triggering_event)" in evaluate
    assert "await remove_bucket(session, bucket)" in evaluate
    assert "if trigger.within == timedelta(seconds=0):\n            return None" in evaluate
    for name, count in {"ensure_bucket": 8, "increment_bucket": 5, "remove_bucket": 3}.items():
        assert len(inspect.signature(vars(triggers)[name]).parameters) == count
