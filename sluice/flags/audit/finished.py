"""What an audit has found, whole: a row for each flag, and what could not be looked at. All that is shown is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from sluice.flags.audit.findings.base import Subject, Survey
from sluice.flags.audit.findings.table import BY_NAME, judged
from sluice.manifests.conditions import rfc3339
from sluice.manifests.own.flag_audit import ProposedRemoval, SeenFlag, SeenState

DAY = timedelta(days=1)


class At(BaseModel):
    """A place at which a flag is asked for.

    Attributes:
        repository: as the FlagAudit knows it.
        path, line, column: in it.
        call: what is called, as the code writes it.
        why: how the key was found; or why it is not certain.
        owners: whose the place is.
    """

    model_config = ConfigDict(frozen=True)
    repository: str
    path: str
    line: int
    column: int = 1
    call: str = ""
    why: str = ""
    owners: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.repository} {self.path}:{self.line}"


class Row(BaseModel):
    """One flag.

    Attributes:
        flag: its key.
        finding: a name of the table.
        value: what everybody gets, where it is done.
        since: when that began; None where no time matters.
        said_by: who says since when: `service` or `audit`.
        near: the flag that was probably meant.
        why: what else a person has to know.
        states: what it is in each environment.
        places: where the code asks for it.
        owners: whose these places are.
    """

    model_config = ConfigDict(frozen=True)
    flag: str
    finding: str
    value: str = ""
    since: datetime | None = None
    said_by: str = ""
    near: str = ""
    why: str = ""
    states: dict[str, SeenState] = {}
    places: tuple[At, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def removable(self) -> bool:
        """Whether it can leave the code with the value that was found."""
        return BY_NAME[self.finding].removable and bool(self.value)

    def days(self, now: datetime) -> int | None:
        """For how many whole days it has been so; None where no time matters."""
        return None if self.since is None else max(0, (now - self.since) // DAY)

    @property
    def seen(self) -> SeenFlag:
        """As the FlagAudit's status keeps it."""
        return SeenFlag(
            key=self.flag,
            finding=self.finding,
            value=self.value,
            since=rfc3339(self.since) if self.since else "",
            said_by="service" if self.said_by == "service" else "audit" if self.said_by else "",
            near=self.near,
            owners=self.owners,
            places=len(self.places),
            environments=self.states,
        )


class Finished(BaseModel):
    """One audit.

    Attributes:
        audit: `namespace/name` of the FlagAudit.
        at: when it looked.
        rows: by flag.
        troubles: what could not be looked at, and the way out; a flag is not called unused because of it.
        removals: the pull requests, as they are now.
        archived: flags that left the service in it.
    """

    model_config = ConfigDict(frozen=True)
    audit: str
    at: datetime
    rows: tuple[Row, ...] = ()
    troubles: tuple[str, ...] = ()
    removals: tuple[ProposedRemoval, ...] = ()
    archived: tuple[str, ...] = ()

    @property
    def stale(self) -> tuple[Row, ...]:
        """What somebody has to do something about."""
        return tuple(row for row in self.rows if BY_NAME[row.finding].level != "none")


def rows(subjects: Iterable[Subject], survey: Survey) -> tuple[Row, ...]:
    """The row of each flag, by key; nobody's yet.

    Args:
        subjects: all flags of the service and of the code.
        survey: all that is known besides.
    """
    return tuple(_row(one, survey) for one in sorted(subjects, key=lambda one: one.key))


def owned(row: Row, owners: Callable[[At], tuple[str, ...]]) -> Row:
    """The row with whose its places are."""
    places = tuple(place.model_copy(update={"owners": owners(place)}) for place in row.places)
    everybody = tuple(dict.fromkeys(owner for place in places for owner in place.owners))
    return row.model_copy(update={"places": places, "owners": everybody})


def _row(subject: Subject, survey: Survey) -> Row:
    finding, found = judged(subject, survey)
    return Row(
        flag=subject.key,
        finding=finding.name,
        value=found.value,
        since=found.since,
        said_by=found.said_by or "",
        near=found.near,
        why=found.why,
        states={name: state.seen for name, state in subject.states.items()},
        places=tuple(
            At(
                repository=use.repository,
                path=use.reference.place.path,
                line=use.reference.place.line,
                column=use.reference.place.column,
                call=use.reference.call,
                why=use.reference.why,
            )
            for use in subject.uses
        ),
    )
