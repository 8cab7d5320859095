"""What the server's database is spared: private parts of Prefect's server and of SQLAlchemy, for one version each.

Of the 250 statements that a release cost on PostgreSQL, 75 asked whether a connection lives that had answered a moment ago,
and 14 for the one work pool, once more with each of its queues.

`tests/deployments/server/test_database.py` fails when one of these parts changes.
"""

from __future__ import annotations

from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from prefect.server.database import orm_models
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

FRESH = 10.0
"""Seconds for which a connection that answered is taken to live. One that PostgreSQL has closed is known to be closed."""


def spare_database() -> None:
    """Put it in place. Once, before the server's first question to its database."""
    ask_no_connection_twice()
    read_a_queue_with_its_pool()


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
    """Read a work queue and its work pool by one statement. Each flow run and each deployment is read with its queue."""
    pool: Any = orm_models.WorkQueue.work_pool.property
    pool.lazy, pool.innerjoin = "joined", True
    pool.strategy_key = (("lazy", "joined"),)
    pool.strategy = pool._get_strategy(pool.strategy_key)
