"""What the server's database is asked: no connection twice in a moment, a queue and its pool at once, one row of many."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest
from prefect.server.database import configurations, orm_models
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

from deployments.server import database

COUNT_STATEMENTS = """
import asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from prefect.server.database import orm_models as orm

if {spared}:
    from deployments.server.database import read_a_queue_with_its_pool
    read_a_queue_with_its_pool()

async def main():
    engine = create_async_engine("sqlite+aiosqlite://")
    said = []
    async with engine.begin() as connection:
        for model in (orm.WorkPool, orm.WorkQueue, orm.Flow, orm.Deployment, orm.DeploymentSchedule):
            await connection.run_sync(model.__table__.create)
    async with AsyncSession(engine) as session:
        pool = orm.WorkPool(name="sluice", type="sluice")
        session.add(pool)
        await session.flush()
        queue = orm.WorkQueue(name="rollouts", priority=1, work_pool_id=pool.id)
        flow = orm.Flow(name="roll_out")
        session.add_all([queue, flow])
        await session.flush()
        session.add(orm.Deployment(name="roll_out", flow_id=flow.id, work_queue_id=queue.id))
        session.add(orm.Deployment(name="of no queue", flow_id=flow.id))
        await session.commit()
    sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    async with AsyncSession(engine) as session:
        queue = (await session.execute(sa.select(orm.WorkQueue))).scalar_one()
        assert queue.work_pool.name == "sluice"
    of_queue = len(said)
    said.clear()
    async with AsyncSession(engine) as session:
        found = (await session.scalars(sa.select(orm.Deployment).order_by(orm.Deployment.name))).all()
        assert [one.work_queue and one.work_queue.work_pool.name for one in found] == [None, "sluice"]
        assert [one.schedules for one in found] == [[], []]
    print(of_queue, len(said))

asyncio.run(main())
"""

COMPILE_ROWS = """
import asyncio
from datetime import UTC, datetime
from uuid import uuid4
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from prefect.server.database import orm_models as orm

if {spared}:
    from deployments.server.database import write_out_one_row
    write_out_one_row()
    write_out_one_row()

async def main():
    engine, written, now = create_async_engine("sqlite+aiosqlite://"), [], datetime.now(UTC)
    async with engine.begin() as connection:
        for table in (orm.Log.__table__, orm.TaskRun.__table__):
            await connection.run_sync(table.create)

    @sa.event.listens_for(engine.sync_engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, _parameters, context, _many):
        if context.isinsert:
            written.append(len(context.compiled.binds))

    async with AsyncSession(engine) as session:
        lines = [dict(name="run", level=20, message=str(at), timestamp=now) for at in range(30)]
        await session.execute(insert(orm.Log).values(lines))
        runs = [dict(id=uuid4(), task_key="stage", dynamic_key=str(at), name="first") for at in range(30)]
        for name in ("first", "second"):
            new = insert(orm.TaskRun).values([run | dict(name=name) for run in runs])
            upsert = new.on_conflict_do_update(index_elements=["id"], set_=dict(name=new.excluded.name))
            ids = (await session.scalars(upsert.returning(orm.TaskRun.id))).all()
            assert sorted(ids) == sorted(run["id"] for run in runs)
        only = insert(orm.Log).values([dict(name=sa.func.lower("ONE"), level=1, message="asked", timestamp=now)] * 2)
        await session.execute(only)
        await session.commit()
        said = (await session.scalars(sa.select(orm.Log.message).where(orm.Log.level == 20))).all()
        names = (await session.scalars(sa.select(orm.TaskRun.name))).all()
        asked = (await session.scalars(sa.select(orm.Log.name).where(orm.Log.level == 1))).all()
    assert sorted(said) == sorted(str(at) for at in range(30))
    assert names == ["second"] * 30
    assert asked == ["one"] * 2
    print(max(written) < 40)

asyncio.run(main())
"""


class Connection:
    """What the driver's connection is to SQLAlchemy: it says whether PostgreSQL has closed it."""

    closed = False

    def is_closed(self) -> bool:
        return self.closed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The connections that were asked whether they live."""
    seen: list[Any] = []
    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "ping", lambda it: seen.append(it._connection))
    database.ask_no_connection_twice()
    return seen


def adapted(connection: Connection) -> Any:
    adapter: Any = AsyncAdapt_asyncpg_connection
    return adapter(None, connection)


def test_a_connection_that_answered_is_not_asked_again(asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one for itself, and again after a while."""
    first, second = Connection(), Connection()
    for connection in (first, first, second, first, second):
        adapted(connection).ping()
    assert asked == [first, second]
    monkeypatch.setattr(database, "FRESH", 0.0)
    adapted(first).ping()
    assert asked == [first, second, first]


def test_a_connection_that_was_closed_is_asked(asked: list[Any]) -> None:
    """It answers that it is closed, and the pool makes another one."""
    connection = Connection()
    adapted(connection).ping()
    connection.closed = True
    adapted(connection).ping()
    assert asked == [connection, connection]


def test_one_that_does_not_answer_is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def away(_it: Any) -> None:
        tries.append(1)
        raise OSError("away")

    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "ping", away)
    database.ask_no_connection_twice()
    connection = Connection()
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            adapted(connection).ping()
    assert len(tries) == 2


def test_prefect_still_asks_connections_before_each_use_and_sqlalchemy_by_that_name() -> None:
    """Where they did not, these parts would do nothing."""
    assert "pool_pre_ping=True" in inspect.getsource(configurations.AsyncPostgresConfiguration.engine)
    assert list(inspect.signature(AsyncAdapt_asyncpg_connection.ping).parameters) == ["self"]
    pool: Any = orm_models.WorkQueue.work_pool.property
    of_deployment: Any = orm_models.Deployment.work_queue.property
    assert pool.strategy_key == of_deployment.strategy_key == (("lazy", "selectin"),)


@pytest.mark.parametrize(("spared", "statements"), [(False, "2 4"), (True, "1 2")], ids=["Prefect's own", "spared"])
def test_a_queue_is_read_with_its_pool_and_a_deployment_with_both(spared: bool, statements: str) -> None:
    """In a process of its own: a mapping is made once. A deployment's schedules are another statement."""
    assert printed(COUNT_STATEMENTS.format(spared=spared)).strip() == statements


@pytest.mark.parametrize("spared", [False, True], ids=["Prefect's own", "spared"])
def test_of_many_rows_one_is_written_out_and_all_are_there(spared: bool) -> None:
    """Also where a row is there already, and where the database reckons what is in it."""
    assert printed(COMPILE_ROWS.format(spared=spared)).strip() == str(spared)


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
