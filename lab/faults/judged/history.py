"""What happened in the cluster, in the cluster's own order, as plain facts: the observer writes it, the laws read it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]
Facts = dict[str, Any]
AT_REST = frozenset({"Initialized", "Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Moment:
    """One object as it was from this version on.

    Attributes:
        version: the resourceVersion of the change.
        at: when the observer learnt of it, seconds since the epoch.
        facts: what the laws want to know of it; empty where the object is gone.
    """

    version: int
    at: float
    plural: str
    name: str
    facts: Facts


@dataclass
class History:
    """All moments of one namespace.

    Attributes:
        gaps: times at which a watch had to begin anew and changes may have been missed.
    """

    gaps: list[float] = field(default_factory=list)
    _by_object: dict[tuple[str, str], list[Moment]] = field(default_factory=lambda: defaultdict(list))

    def add(self, moment: Moment) -> None:
        """Take in a change; one that is no change is left out."""
        line = self._by_object[(moment.plural, moment.name)]
        if line and (moment.version <= line[-1].version or moment.facts == line[-1].facts):
            return
        line.append(moment)

    def of(self, plural: str, name: str, since: int = 0) -> list[Moment]:
        """The moments of one object after a version, in order."""
        return [one for one in self._by_object.get((plural, name), ()) if one.version > since]

    def names(self, plural: str) -> list[str]:
        """The objects of a kind that were ever seen."""
        return [name for kind, name in self._by_object if kind == plural]

    def at(self, plural: str, name: str, version: int) -> Facts:
        """The facts of an object as they were right after this version; empty where it was not there."""
        line = self._by_object.get((plural, name), [])
        index = bisect_right(line, version, key=lambda one: one.version)
        return line[index - 1].facts if index else {}

    def now(self, plural: str, name: str) -> Facts:
        """The newest facts."""
        line = self._by_object.get((plural, name))
        return line[-1].facts if line else {}

    def newest(self) -> int:
        """The newest version seen."""
        return max((line[-1].version for line in self._by_object.values() if line), default=0)

    def forget_pods(self) -> None:
        """Drop what rounds leave behind in numbers: nobody asks about a pod of an earlier round."""
        for key in [key for key in self._by_object if key[0] == "pods"]:
            if not self._by_object[key][-1].facts:
                del self._by_object[key]
