"""How the server reads and writes single rows: private parts of Prefect's server, for one version.

`tests/deployments/server/test_rows.py` fails when one of these parts changes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from prefect.server import models
from prefect.server.database import orm_models
from prefect.server.orchestration import core_policy
from prefect.server.utilities.database import Timestamp
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

NONE = timedelta()


def spare_rows() -> None:
    """Put it in place. Once, before the server's first question to its database."""
    write_plain_times()
    read_a_run_at_once()
    read_of_limits_what_is_asked()


def write_plain_times() -> None:
    """Give the database's driver plain times. It reckons with each of them, which Prefect's own do in Python."""
    convert: Any = Timestamp.process_bind_param

    def process_bind_param(self: Timestamp, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is not None and type(value) is not datetime and value.utcoffset() == NONE:
            value = datetime(
                *(value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond),
                tzinfo=UTC,
            )
        return convert(self, value, dialect)

    Timestamp.process_bind_param = process_bind_param  # type: ignore[method-assign]


def read_a_run_at_once() -> None:
    """Read a flow run with its state, its queue and that one's pool by one statement instead of four.

    Of all of them only its own row is locked, as before.
    """
    of = orm_models.FlowRun
    state: Any = of._state
    pool = joinedload(of.work_queue).joinedload(orm_models.WorkQueue.work_pool)

    async def read_flow_run(session: AsyncSession, flow_run_id: UUID, for_update: bool = False) -> Any:
        asked = sa.select(of).where(of.id == flow_run_id).options(joinedload(state), pool)
        if for_update:
            asked = asked.with_for_update(of=of)
        return (await session.execute(asked)).scalar()

    vars(models.flow_runs)["read_flow_run"] = read_flow_run


def read_of_limits_what_is_asked() -> None:
    """Find out whether a deployment has a limit of runs at once without reading all of it, with its schedules and its queue.

    Prefect asks at the beginning and at the end of each run. One that has a limit is read as before.
    """
    read: Any = models.deployments.read_deployment
    column = orm_models.Deployment.concurrency_limit_id
    unlimited = SimpleNamespace(concurrency_limit_id=None, global_concurrency_limit=None)

    async def read_deployment(session: AsyncSession, deployment_id: UUID) -> Any:
        asked = sa.select(column).where(orm_models.Deployment.id == deployment_id)
        found = (await session.execute(asked)).one_or_none()
        if found is None or found[0] is not None:
            return await read(session=session, deployment_id=deployment_id)
        return unlimited

    everything = {name: getattr(models.deployments, name) for name in dir(models.deployments)}
    names: Any = vars(core_policy)
    names["deployments"] = SimpleNamespace(**everything | {"read_deployment": read_deployment})
