"""What the server's database is spared: private parts of Prefect's server and of SQLAlchemy, for one version each.

Of the 250 statements that a release cost on PostgreSQL, 75 asked whether a connection lives that had answered a moment ago,
and 14 for the one work pool, once more with each of its queues. An insert of many rows
was written out and compiled for just as many.

`tests/deployments/server/test_database.py` fails when one of these parts changes.
"""

from __future__ import annotations

from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from prefect.server.database import orm_models
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.orm import ORMExecuteState, Session

FRESH = 10.0
"""Seconds for which a connection that answered is taken to live. One that PostgreSQL has closed is known to be closed."""


def spare_database() -> None:
    """Put it in place. Once, before the server's first question to its database."""
    ask_no_connection_twice()
    read_a_queue_with_its_pool()
    write_out_one_row()


def ask_no_connection_twice() -> None:
    """Ask a connection whether it lives only when it has not answered for a while.

    Prefect has it asked at each use, in a transaction of its own: three answers to wait for before the first statement.
    """
    adapter: Any = AsyncAdapt_asyncpg_connection
    ask, answered = adapter.ping, WeakKeyDictionary[Any, float]()

    def ping(self: Any) -> None:
        connection, now = self._connection, monotonic()
        if connection.is_closed() or now - answered.get(connection, -FRESH) >= FRESH:
            ask(self)
            answered[connection] = now

    adapter.ping = ping


def read_a_queue_with_its_pool() -> None:
    """Read a work queue and its work pool by one statement, and both with a deployment. Each flow run is read with its queue
    by another one: its row is locked, which a queue that it may not have cannot be."""
    pool: Any = orm_models.WorkQueue.work_pool.property
    pool.innerjoin = True
    queue: Any = orm_models.Deployment.work_queue.property
    for one in (pool, queue):
        one.lazy, one.strategy_key = "joined", (("lazy", "joined"),)
        one.strategy = one._get_strategy(one.strategy_key)


def write_out_one_row() -> None:
    """Give SQLAlchemy the rows of an insert next to its statement and not in it: then it writes out one of them.

    The dialects' own inserts, which Prefect uses, are compiled each time.
    """
    if not sa.event.contains(Session, "do_orm_execute", _rows_apart):
        sa.event.listen(Session, "do_orm_execute", _rows_apart)


def _rows_apart(asked: ORMExecuteState) -> Any:
    statement: Any = asked.statement
    if not (asked.is_insert and statement._multi_values) or asked.parameters:
        return None
    rows = [row for values in statement._multi_values for row in values]
    if not all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows):
        return None
    named = [{getattr(column, "key", column): value for column, value in row.items()} for row in rows]
    if any(isinstance(value, sa.ClauseElement) for row in named for value in row.values()):
        return None  # what the database is to reckon is part of the statement
    bare = statement._generate()
    bare._multi_values = ()
    options = {**asked.execution_options, "dml_strategy": "raw"}
    return asked.session.execute(bare, named, execution_options=options, bind_arguments=dict(asked.bind_arguments))
