"""What laws judge by, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.faults.judged.cases import Case
from lab.faults.judged.history import History
from lab.faults.proxies.proxy import Write


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken law: which, of which Canary, and what was seen."""

    law: str
    canary: str
    said: str
    at: float = 0.0
    namespace: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the laws judge by."""

    history: History
    writes: Sequence[Write]


Law = Callable[[Evidence, Case], Iterator[Violation]]
