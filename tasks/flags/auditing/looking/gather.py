"""Gather: everything that an audit looks at, each repository on its own: one that fails does not keep the others from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from blocks.connections import connections
from blocks.kubernetes.kinds import FLAG_AUDIT
from sluice.errors import NotFoundError, SluiceError
from sluice.flags.audit.finished import Row, rows
from sluice.flags.flag import Flag
from sluice.manifests.own.flag_audit import FlagAudit
from tasks.flags.auditing.ground import flag_audit, named, now
from tasks.flags.auditing.looking.ask import ask
from tasks.flags.auditing.looking.judge import by_keys, subjects, survey_of, unused, uses_of
from tasks.flags.auditing.looking.named import named as look_for_names
from tasks.flags.auditing.looking.own import by_files, by_lines, nobodys, own
from tasks.flags.auditing.looking.scan import Scanned, scan
from tasks.stage import stage

T = TypeVar("T")
AT_ONCE = 4
"""Repositories that are looked through at once: each may have 48 MiB of texts."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What an audit has seen.

    Attributes:
        at: when.
        flags: of the service; None where it could not be asked.
        scans: of the repositories that could be looked through.
        rows: one for each flag, with owners.
        troubles: what could not be looked at, and the way out.
    """

    at: datetime
    flags: tuple[Flag, ...] | None
    scans: tuple[Scanned, ...]
    rows: tuple[Row, ...]
    troubles: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether service and repositories were all looked at."""
        return not self.troubles


@dataclass(frozen=True, slots=True)
class Acts:
    """What is done to look at the world: as tasks of Prefect's, or right here."""

    ask: Callable[[str, str], Awaitable[tuple[Flag, ...]]]
    scan: Callable[[str, str, str], Awaitable[Scanned]]
    names: Callable[[str, str, str, str, tuple[str, ...]], Awaitable[dict[str, str]]]
    own: Callable[[str, str, str, str, tuple[tuple[str, int], ...]], Awaitable[dict[tuple[str, int], str]]]


def here() -> Acts:
    """Without Prefect: for a person at a terminal."""
    return Acts(ask.fn, scan.fn, look_for_names.fn, own.fn)


@stage("find audits", run_name="find audits", delays=[1.0, 4.0])
async def find_audits(namespace: str) -> list[tuple[str, str]]:
    """Name and namespace of each FlagAudit; none where the cluster does not know the kind."""
    try:
        found = await connections().cluster.list(FLAG_AUDIT, namespace or None)
    except NotFoundError:
        return []
    return sorted((one["metadata"]["name"], one["metadata"]["namespace"]) for one in found)


@stage("read audit", run_name="read audit: {namespace}/{name}", delays=[1.0, 4.0])
async def read_audit(name: str, namespace: str) -> FlagAudit | None:
    """The FlagAudit; None where it is suspended or about to go.

    Raises:
        NotFoundError: there is none of that name.
        InvalidError: it is not valid; names the field.
    """
    audit = await flag_audit(connections(), name, namespace)
    return None if audit.spec.suspend or audit.metadata.deletion_timestamp else audit


async def gathered(audit: FlagAudit, days: int | None = None, acts: Acts | None = None) -> Gathered:
    """Look at the service and at all repositories, and judge every flag.

    Args:
        audit: which.
        days: in the place of `spec.days`.
        acts: what looks; None for tasks of Prefect's.
    """
    acts = acts or Acts(ask, scan, look_for_names, own)
    at, room, who = now(), asyncio.Semaphore(AT_ONCE), (audit.name, audit.namespace)
    if days is not None:
        audit = audit.model_copy(update={"spec": audit.spec.model_copy(update={"days": days})})
    names = named(audit)
    scanning = asyncio.gather(*(_bounded(room, _scan(acts.scan(*who, name), name)) for name in names))
    flags, trouble = await _flags(acts.ask(*who))
    looks = await scanning
    troubles = [*([trouble] if trouble else []), *(one.fault for one in looks if one.fault)]
    scans = by_keys((one for one in looks if not one.fault), flags or ())
    uses = uses_of(scans)
    stands, faults = await _stands(acts, who, scans, unused(flags or (), uses), room)
    troubles += faults
    if flags and scans and not uses and not audit.status.removals:  # else the last one was removed by this very audit
        troubles.append(
            "no code of these repositories was seen to ask for any flag: if it does by functions of its own, name them in "
            "spec.calls"
        )
    survey = survey_of(audit, flags, uses, at, whole=not troubles)
    found = by_files(rows(subjects(audit, flags, uses, stands, at), survey), scans)
    found, faults = await _owned(acts, who, scans, found, room)
    return Gathered(at, flags, scans, found, tuple(troubles + faults))


async def _flags(asking: Awaitable[tuple[Flag, ...]]) -> tuple[tuple[Flag, ...] | None, str]:
    try:
        return await asking, ""
    except SluiceError as error:
        return None, f"the flag service could not be asked: {error}"


async def _scan(scanning: Awaitable[Scanned], name: str) -> Scanned:
    try:
        return await scanning
    except SluiceError as error:
        return Scanned(repository=name, fault=f"{name} could not be looked through: {error}")


async def _stands(
    acts: Acts, who: tuple[str, str], scans: Sequence[Scanned], keys: tuple[str, ...], room: asyncio.Semaphore
) -> tuple[dict[str, list[str]], list[str]]:
    """Where the keys that no code asks for stand nevertheless."""
    found: dict[str, list[str]] = {}
    faults: list[str] = []

    async def look(one: Scanned) -> None:
        try:
            here = await _bounded(room, acts.names(*who, one.repository, one.commit, keys))
        except SluiceError as error:
            faults.append(f"{one.repository} could not be looked through for names: {error}")
            return
        for key, path in here.items():
            found.setdefault(key, []).append(f"{one.repository} {path}")

    if keys:
        await asyncio.gather(*(look(one) for one in scans))
    return found, faults


async def _owned(
    acts: Acts, who: tuple[str, str], scans: Sequence[Scanned], found: tuple[Row, ...], room: asyncio.Semaphore
) -> tuple[tuple[Row, ...], list[str]]:
    """The rows with who wrote the lines that are nobody's by CODEOWNERS."""
    wrote: dict[str, dict[tuple[str, int], str]] = {}
    faults: list[str] = []

    async def look(one: Scanned, places: tuple[tuple[str, int], ...]) -> None:
        try:
            wrote[one.repository] = await _bounded(room, acts.own(*who, one.repository, one.commit, places))
        except SluiceError as error:
            faults.append(f"{one.repository}: who wrote its lines is not known: {error}")

    asked = [(one, places) for one in scans if (places := nobodys(found, one.repository))]
    await asyncio.gather(*(look(one, places) for one, places in asked))
    return by_lines(found, wrote), faults


async def _bounded(room: asyncio.Semaphore, act: Awaitable[T]) -> T:
    async with room:
        return await act
