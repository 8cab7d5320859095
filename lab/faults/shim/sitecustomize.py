"""Lets a process's clock jump, and its requests tell their run: put this folder on PYTHONPATH and name a file of seconds in
LAB_CLOCK.

What jumps is what Python code reads: `time.time`, `time.time_ns`, and `datetime.now` in sluice's own modules. Compiled
code and the kernel keep the true time, so it is a jump as a program sees it, not as a machine does.

Each request of aiohttp carries the id of the Prefect flow run whose code sends it, as Prefect knows it: the proxies need it
to tell apart two runs of one process.
"""

import datetime
import importlib.abc
import importlib.machinery
import os
import sys
import time
import types

FILE = os.environ.get("LAB_CLOCK", "")
FLOORS = ("blocks", "tasks", "flows", "deployments", "sluice")
LOOK_S = 0.05
RUN_HEADER = "X-Lab-Run"

_true_time = time.time
_read_at = float("-inf")
_offset = 0.0


def offset() -> float:
    """Seconds that this process's clock is wrong by now."""
    global _read_at, _offset  # noqa: PLW0603 - a process has one clock
    now = time.monotonic()
    if now - _read_at > LOOK_S:
        _read_at = now
        try:
            with open(FILE) as file:
                _offset = float(file.read().strip() or 0)
        except (OSError, ValueError):
            _offset = 0.0
    return _offset


class _Datetime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):  # type: ignore[no-untyped-def]
        return datetime.datetime.fromtimestamp(_true_time() + offset(), tz)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source, _handler):  # type: ignore[no-untyped-def]
        """A field of a model is a moment as any other."""
        return {"type": "datetime"}


def _run() -> str:
    """The flow run whose code this is; empty outside all runs."""
    runtime = sys.modules.get("prefect.runtime.flow_run")
    return str((runtime and runtime.id) or "")


def _tell_runs(client: types.ModuleType) -> None:
    send = client.ClientSession._request

    async def _request(self, *args, headers=None, **more):  # type: ignore[no-untyped-def]
        return await send(self, *args, headers={**(headers or {}), RUN_HEADER: _run()}, **more)

    client.ClientSession._request = _request


class _Finder(importlib.abc.MetaPathFinder):
    """Gives sluice's modules a `datetime` that jumps along, and aiohttp the header; all others stay as they are."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name.partition(".")[0] not in FLOORS and name != "aiohttp.client":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader and not isinstance(spec.loader, importlib.machinery.NamespaceLoader):
            load = spec.loader.exec_module

            def exec_module(module):  # type: ignore[no-untyped-def]
                load(module)
                if name == "aiohttp.client":
                    _tell_runs(module)
                elif getattr(module, "datetime", None) is datetime.datetime:
                    module.datetime = _Datetime

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if FILE:
    time.time = lambda: _true_time() + offset()
    time.time_ns = lambda: int((_true_time() + offset()) * 1e9)
    sys.meta_path.insert(0, _Finder())
