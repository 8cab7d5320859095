"""Shuts itself in, and becomes another program, one that reads what strangers wrote.

Started as `python confined.py '{"read": …}' program arguments…`; it imports nothing of sluice, because it has to be fast and
is run alone. Linux' Landlock takes the files and the network away from the process and from all that it starts, without
any right of ours: also in a pod that is not root. Limits of memory, time and files are the kernel's too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls of Landlock, the same on each architecture that Linux got since."""
_NO_NEW_PRIVILEGES = 38
_PATH, _PORT = 1, 2
_EXECUTE, _WRITE, _READ, _LIST = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_OF_FILES = _EXECUTE | _WRITE | _READ | 1 << 14 | 1 << 15
_READING = _EXECUTE | _READ | _LIST
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
"""What there is to forbid about files, by the version of the kernel's interface; later ones know devices too."""
_CONNECT, _BIND = 1 << 1, 1 << 0
_NET, _SCOPES = 4, 6
"""The versions that came with the network, and with signals and abstract sockets."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def version() -> int:
    """The version of Landlock that this kernel has; 0 where it has none, or where it is switched off."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_library().syscall(_CREATE, None, 0, 1)))


def shut_in(read: list[str], write: list[str], ports: list[int] | None) -> None:
    """Leave this process only these directories and files, and these ports to connect to (None for all).

    Raises:
        OSError: the kernel refused.
    """
    level = version()
    if not level:
        return
    library = _library()
    files = _FILES.get(level, (1 << 16) - 1)
    nets = _CONNECT | _BIND if level >= _NET and ports is not None else 0
    rules = _Ruleset(files, nets, 3 if level >= _SCOPES else 0)
    size = 24 if level >= _SCOPES else 16 if level >= _NET else 8
    ruleset = _checked(library.syscall(_CREATE, ctypes.byref(rules), size, 0))
    for path, wanted in [*((path, _READING) for path in read), *((path, files) for path in write)]:
        _allow(library, ruleset, path, wanted & files)
    for port in (ports or ()) if nets else ():
        rule = _Port(_CONNECT, port)
        _checked(library.syscall(_ADD, ruleset, _PORT, ctypes.byref(rule), 0))
    _checked(library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(library.syscall(_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: str, wanted: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no way to it
    try:
        kept = wanted if os.path.isdir(path) else wanted & _OF_FILES
        rule = _Beneath(kept, place)
        _checked(library.syscall(_ADD, ruleset, _PATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(answer: int) -> int:
    if answer < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused")
    return answer


def main(arguments: list[str]) -> None:
    """Shut in, limit, and become the program."""
    wanted = json.loads(arguments[0])
    for name, most in wanted["limits"].items():
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    shut_in(wanted["read"], wanted["write"], wanted["ports"])
    os.execv(arguments[1], arguments[1:])  # noqa: S606 - that is its purpose


if __name__ == "__main__":
    main(sys.argv[1:])
