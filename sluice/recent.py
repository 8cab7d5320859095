"""A mapping of the latest entries only: what a process may remember for a while and must not remember for ever."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V]):
    """Keeps the `most` entries that were set last; older ones go by themselves."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: entries that are kept.
        """
        super().__init__()
        self.most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        self.move_to_end(key)
        while len(self) > self.most:
            del self[next(iter(self))]
