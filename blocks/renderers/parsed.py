"""What files of manifests hold, remembered by their text: most files of a large directory are as they were a commit ago.

Reading YAML is most of what rendering plain manifests costs. What was read is kept in a form that is read thirty times as
fast, and each time as new objects, which a reader may change.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Parsed:
    """The documents of the texts that were read last, within a number of bytes."""

    def __init__(self, most: int, largest: int) -> None:
        """
        Args:
            most: bytes that are kept of all texts together.
            largest: bytes of the largest text that is kept.
        """
        self._most, self._largest, self._size = most, largest, 0
        self._known: OrderedDict[bytes, bytes] = OrderedDict()
        self._turn = threading.Lock()

    def of(self, text: bytes, parse: Callable[[bytes], list[Any]]) -> list[Any]:
        """The documents of a text; `parse` reads it where it is not known, and what it raises is raised."""
        if len(text) > self._largest:
            return parse(text)
        key = hashlib.blake2b(text, digest_size=20).digest()
        with self._turn:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is not None:
            return list(marshal.loads(known))  # noqa: S302 - of this process's own making
        found = parse(text)
        with contextlib.suppress(ValueError):  # it holds what is no plain data, such as a date
            self._keep(key, marshal.dumps(found))
        return found

    def _keep(self, key: bytes, made: bytes) -> None:
        with self._turn:
            self._size += len(made) - len(self._known.pop(key, b""))
            self._known[key] = made
            while self._size > self._most:
                _, oldest = self._known.popitem(last=False)
                self._size -= len(oldest)
