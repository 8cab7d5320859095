"""Judge: what is to be said of each flag, by all that was gathered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sluice.flags.audit.findings.base import Subject, Survey, Use
from sluice.flags.audit.record import states
from sluice.flags.flag import Flag
from sluice.flags.reference import Reference
from sluice.flags.spelling import camel
from sluice.manifests.own.flag_audit import FlagAudit
from tasks.flags.auditing.looking.scan import Scanned


def by_keys(scans: Iterable[Scanned], flags: Iterable[Flag]) -> tuple[Scanned, ...]:
    """The scans with each flag by its key where code names it in another way. A name of two flags may mean either."""
    keys: dict[str, set[str]] = {}
    for flag in flags:
        keys.setdefault(camel(flag.key), set()).add(flag.key)
        keys.setdefault(flag.key, set()).add(flag.key)

    def meant(one: Reference) -> Reference:
        found = keys.get(one.flag, set()) if one.spelled and one.sure else set()
        if len(found) > 1 and one.flag not in found:
            return replace(one, flag="", sure=False, why=f"`{one.flag}` may be {' or '.join(sorted(found))}")
        return replace(one, flag=found.pop()) if len(found) == 1 else one

    return tuple(scan.model_copy(update={"references": tuple(map(meant, scan.references))}) for scan in scans)


def uses_of(scans: Iterable[Scanned]) -> dict[str, list[Use]]:
    """Where each flag is asked for, by its key. A place that puts its key together at run time is under an empty one."""
    uses: dict[str, list[Use]] = {}
    for scan in scans:
        for reference in scan.references:
            uses.setdefault(reference.flag if reference.sure or reference.flag else "", []).append(
                Use(scan.repository, reference)
            )
    return uses


def unused(flags: Iterable[Flag], uses: Mapping[str, Sequence[Use]]) -> tuple[str, ...]:
    """The keys that no code was seen to ask for."""
    return tuple(flag.key for flag in flags if not flag.archived and flag.key not in uses)


def survey_of(
    audit: FlagAudit, flags: Sequence[Flag] | None, uses: Mapping[str, Sequence[Use]], at: datetime, *, whole: bool
) -> Survey:
    """What is known of all flags together."""
    keys = None if flags is None else frozenset(flag.key for flag in flags if not flag.archived)
    composed = sum(not use.reference.sure for found in uses.values() for use in found)
    return Survey(at, audit.spec.days, keys, keep=audit.spec.keep, whole=whole, composed=composed)


def subjects(
    audit: FlagAudit,
    flags: Sequence[Flag] | None,
    uses: Mapping[str, Sequence[Use]],
    named: Mapping[str, Sequence[str]],
    at: datetime,
) -> list[Subject]:
    """All flags: those of the service that are not archived, and those that code asks for.

    Args:
        audit: with its record.
        flags: of the service; None where it could not be asked.
        uses: where code asks for each.
        named: where the key of an unused one stands all the same.
        at: now.
    """
    before = {one.key: one.environments for one in audit.status.flags}
    known = {flag.key: flag for flag in flags or () if not flag.archived or flag.key in uses}
    return [
        Subject(
            key,
            known.get(key),
            states(known[key], before.get(key, {}), at) if key in known else {},
            tuple(uses.get(key, ())),
            tuple(named.get(key, ())),
        )
        for key in sorted({*known, *uses} - {""})
    ]
