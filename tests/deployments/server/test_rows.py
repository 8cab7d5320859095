"""How the server reads and writes rows: plain times, a run with all that is read of it, of a limit whether there is one."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from prefect.server import models
from prefect.server.database import orm_models as orm
from prefect.server.orchestration import core_policy
from prefect.server.utilities.database import Timestamp
from prefect.types._datetime import now
from sqlalchemy.dialects import postgresql, sqlite

from deployments.server import rows

READ = """
import asyncio
from datetime import UTC, datetime
from uuid import uuid4
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from prefect.server import models
from prefect.server.database import orm_models as orm
from prefect.server.orchestration import core_policy
from prefect.server.schemas.responses import FlowRunResponse

if {spared}:
    from deployments.server.database import spare_database
    from deployments.server.rows import spare_rows
    spare_database()
    spare_rows()

async def main():
    engine, said, found = create_async_engine("sqlite+aiosqlite://"), [], []
    async with engine.begin() as connection:
        of_runs = (orm.FlowRun, orm.FlowRunState, orm.Deployment, orm.DeploymentSchedule, orm.ConcurrencyLimitV2)
        for model in (orm.WorkPool, orm.WorkQueue, orm.Flow, *of_runs):
            await connection.run_sync(model.__table__.create)
    async with AsyncSession(engine) as session:
        pool = orm.WorkPool(name="sluice", type="sluice")
        flow = orm.Flow(name="roll_out")
        limit = orm.ConcurrencyLimitV2(name="one at a time", limit=1)
        session.add_all([pool, flow, limit])
        await session.flush()
        queue = orm.WorkQueue(name="rollouts", priority=1, work_pool_id=pool.id)
        session.add(queue)
        await session.flush()
        free = orm.Deployment(name="free", flow_id=flow.id)
        limited = orm.Deployment(name="limited", flow_id=flow.id, concurrency_limit_id=limit.id)
        run, bare = (orm.FlowRun(flow_id=flow.id, work_queue_id=one) for one in (queue.id, None))
        session.add_all([free, limited, run, bare])
        await session.flush()
        state = orm.FlowRunState(flow_run_id=run.id, type="RUNNING", name="Running", timestamp=datetime.now(UTC))
        session.add(state)
        await session.flush()
        run.state_id = state.id
        ids = [one.id for one in (run, bare, free, limited)]
        await session.commit()
    sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2]))

    async def count(read, **asked):
        said.clear()
        async with AsyncSession(engine) as session:
            one = await read(session=session, **asked)
            found.append(len(said))
            return one

    runs, limits = models.flow_runs, core_policy.deployments
    for locked in (False, True):
        one = await count(runs.read_flow_run, flow_run_id=ids[0], for_update=locked)
        answer = FlowRunResponse.model_validate(one, from_attributes=True)
        assert (answer.state.name, answer.work_queue_name, answer.work_pool_name) == ("Running", "rollouts", "sluice")
    other = await count(runs.read_flow_run, flow_run_id=ids[1], for_update=True)
    assert (other.state, other.work_queue) == (None, None)
    assert await count(runs.read_flow_run, flow_run_id=uuid4()) is None
    one = await count(limits.read_deployment, deployment_id=ids[2])
    assert (one.concurrency_limit_id, one.global_concurrency_limit) == (None, None)
    one = await count(limits.read_deployment, deployment_id=ids[3])
    assert (one.global_concurrency_limit.limit, one.name) == (1, "limited")
    assert await count(limits.read_deployment, deployment_id=uuid4()) is None
    print(*found)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("spared", "statements"), [(False, "4 4 1 1 2 3 1"), (True, "1 1 1 1 1 4 2")], ids=["Prefect's own", "spared"]
)
def test_a_run_is_read_by_one_statement_and_of_a_deployment_whether_it_has_a_limit(
    spared: bool, statements: str
) -> None:
    """In a process of its own. With and without a lock, one without state and queue, one that is not there."""
    code = READ.format(spared=spared)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == statements


def test_of_all_that_is_read_with_a_run_only_its_own_row_is_locked() -> None:
    """PostgreSQL refuses to lock a queue that a run may not have."""
    of = orm.FlowRun
    state: Any = of._state
    asked = sa.select(of).options(sa.orm.joinedload(state), sa.orm.joinedload(of.work_queue)).with_for_update(of=of)
    assert str(asked.compile(dialect=postgresql.dialect())).endswith("FOR UPDATE OF flow_run")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dialect", [postgresql.dialect(), sqlite.dialect()], ids=["PostgreSQL", "SQLite"])  # type: ignore[no-untyped-call]
def test_times_are_given_to_the_driver_as_plain_ones(dialect: sa.Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own are of a class of theirs; another zone than UTC is left to Prefect, none is refused by it."""
    monkeypatch.setattr(Timestamp, "process_bind_param", Timestamp.process_bind_param)
    rows.write_plain_times()
    kind, moment = Timestamp(), now("UTC")
    assert type(moment) is not datetime
    given = kind.process_bind_param(moment, dialect)
    assert type(given) is datetime
    assert given == moment
    assert kind.process_bind_param(now("Europe/Berlin"), dialect).utcoffset() is not None  # type: ignore[union-attr]
    assert kind.process_bind_param(None, dialect) is None
    with pytest.raises(ValueError, match="timezone"):
        kind.process_bind_param(datetime.now(UTC).replace(tzinfo=None), dialect)


def test_the_parts_that_are_replaced_are_still_there() -> None:
    """By these names and with these parameters, and used by their modules' names."""
    parameters = list(inspect.signature(models.flow_runs.read_flow_run).parameters)
    assert parameters == ["db", "session", "flow_run_id", "for_update"]
    assert "models.flow_runs.read_flow_run(" in inspect.getsource(models.flow_runs.set_flow_run_state)
    asks = inspect.getsource(core_policy)
    assert asks.count("await deployments.") == asks.count("await deployments.read_deployment(") == 5
    used = set(re.findall(r"\bdeployment\.([a-z_]+)", asks))
    assert used == {"concurrency_limit_id", "global_concurrency_limit", "concurrency_options"}
