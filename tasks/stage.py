"""How a stage of a delivery becomes a Prefect task: the one place where our errors meet Prefect's retries.

A transient error is retried by the engine, so that a person sees it in the UI, with backoff and jitter; a terminal one
is not. Nothing is cached or persisted: the truth is in the cluster, and a stage that runs again must look there again.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from sluice.errors import TransientError

P = ParamSpec("P")
R = TypeVar("R")

RETRY_DELAYS = [0.2, 0.5, 1.0, 2.0, 4.0, 8.0]
"""Seconds before each retry, each stretched by up to half by chance. Six tries more: about a quarter of a minute."""
LONGEST_ASKED_WAIT = 30.0
"""Seconds that we are ready to wait because the other side asked for it (Retry-After)."""


async def _is_transient(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    error = await state.aresult(raise_on_failure=False)
    return isinstance(error, TransientError)


def stage(
    name: str, *, run_name: str | None = None, delays: list[float] | None = None
) -> Callable[[Callable[P, Awaitable[R]]], Task[P, Coroutine[Any, Any, R]]]:
    """Make a coroutine function a stage.

    Args:
        name: what people call the stage ("shift traffic").
        run_name: template over the function's parameters, as in Prefect's `task_run_name`.
        delays: seconds before each retry of a transient error; `RETRY_DELAYS` where not given.
    """
    waits = RETRY_DELAYS if delays is None else delays

    def decorate(function: Callable[P, Awaitable[R]]) -> Task[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await function(*args, **kwargs)
            except TransientError as error:
                if error.retry_after:
                    await asyncio.sleep(min(error.retry_after, LONGEST_ASKED_WAIT))
                raise

        return task(
            name=name,
            task_run_name=run_name or name,
            retries=len(waits),
            retry_delay_seconds=waits,
            retry_jitter_factor=0.5,
            retry_condition_fn=_is_transient,
            cache_policy=NO_CACHE,
            persist_result=False,
        )(run)

    return decorate
