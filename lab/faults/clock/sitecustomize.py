"""Lets a process's clock jump: put this folder on PYTHONPATH and name a file of seconds in LAB_CLOCK.

What it moves is what Python code reads: `time.time`, `time.time_ns`, and `datetime.now` in sluice's own modules.
Compiled code and the kernel keep the true time, so it is a jump as a program sees it, not as a machine does.
"""

import datetime
import importlib.abc
import importlib.machinery
import os
import sys
import time

FILE = os.environ.get("LAB_CLOCK", "")
FLOORS = ("blocks", "tasks", "flows", "deployments", "sluice")
LOOK_S = 0.05

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


class _Finder(importlib.abc.MetaPathFinder):
    """Gives sluice's modules a `datetime` that jumps along; all others keep their own."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name.partition(".")[0] not in FLOORS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader and not isinstance(spec.loader, importlib.machinery.NamespaceLoader):
            load = spec.loader.exec_module

            def exec_module(module):  # type: ignore[no-untyped-def]
                load(module)
                if getattr(module, "datetime", None) is datetime.datetime:
                    module.datetime = _Datetime

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if FILE:
    time.time = lambda: _true_time() + offset()
    time.time_ns = lambda: int((_true_time() + offset()) * 1e9)
    sys.meta_path.insert(0, _Finder())
