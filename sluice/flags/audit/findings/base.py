"""What a finding is made of: one flag as service and code have it, all that is known of the others, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from sluice.flags.audit.record import State
from sluice.flags.flag import Flag
from sluice.flags.reference import Reference

Level = Literal["none", "note", "warning", "error"]
"""As SARIF has them."""
PERMANENT = "permanent"
"""A tag of a flag that is meant to stay."""
SaidBy = Literal["service", "audit"]


@dataclass(frozen=True, slots=True)
class Use:
    """A place of a repository at which a flag is asked for."""

    repository: str
    """As the FlagAudit knows it: `namespace/name` of a GitRepository, or the address."""
    reference: Reference


@dataclass(frozen=True, slots=True)
class Subject:
    """One flag.

    Attributes:
        key: by which code asks for it.
        flag: as the service has it; None where it has none of that key.
        states: what it is in each environment, and since when.
        uses: where the code asks for it.
        named_in: files that have its key in a language that is not read; one is enough not to call it unused.
    """

    key: str
    flag: Flag | None = None
    states: Mapping[str, State] = field(default_factory=dict)
    uses: tuple[Use, ...] = ()
    named_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """All that the audit knows besides.

    Attributes:
        now: when it looks.
        days: for how long a flag has to be in one state to count as done.
        keys: of all flags of the service that are not archived; None where the service could not be asked.
        keep: keys of flags that are meant to stay, with `*` for any text.
        whole: whether every repository was read in whole. Where not, nothing can be called unused.
        composed: places that put a key together at run time: they may ask for any flag.
    """

    now: datetime
    days: int
    keys: frozenset[str] | None = frozenset()
    keep: tuple[str, ...] = ()
    whole: bool = True
    composed: int = 0

    def stays(self, subject: Subject) -> bool:
        """Whether a flag is meant to be turned for as long as it is there: by the manifest, or its own tag."""
        permanent = subject.flag is not None and any(tag.partition("=")[0] == PERMANENT for tag in subject.flag.tags)
        return permanent or any(fnmatchcase(subject.key, pattern) for pattern in self.keep)

    def lacks(self, subject: Subject) -> bool:
        """Whether code asks for a flag for certain that the service does not have, or has archived."""
        if self.keys is None or subject.key in self.keys:
            return False
        return any(use.reference.sure for use in subject.uses)

    def done(self, subject: Subject, value: str | None = None) -> Found | None:
        """What is found of a flag that has given everybody the same, in every environment, for long enough.

        Args:
            subject: the flag.
            value: what it has to give; None for anything.
        """
        if self.stays(subject):
            return None
        states = list(subject.states.values())
        given = {state.everybody for state in states}
        if len(given) != 1 or any(state.switched_off for state in states):
            return None
        (one,) = given
        since = max(state.since for state in states)
        if one is None or (value is not None and one != value) or self.now - since < timedelta(days=self.days):
            return None
        by: SaidBy = "service" if all(state.said_by == "service" for state in states) else "audit"
        return Found(value=one, since=since, said_by=by)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one flag.

    Attributes:
        value: what everybody gets, where it is done.
        since: when that began.
        said_by: who says so; None where no time matters.
        near: the flag that was probably meant.
        why: what else a person has to know.
    """

    value: str = ""
    since: datetime | None = None
    said_by: SaidBy | None = None
    near: str = ""
    why: str = ""


class Finding(Protocol):
    """One thing that may be found of a flag."""

    @property
    def name(self) -> str:
        """In metrics, tables and SARIF: lower-case with hyphens."""

    @property
    def said(self) -> str:
        """What it means and what to do, in one sentence."""

    @property
    def level(self) -> Level:
        """How much it matters; `none` is not shown as a problem."""

    @property
    def removable(self) -> bool:
        """Whether the flag can leave the code with the value that was found."""

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """What is found of the flag; None where this is not so."""
