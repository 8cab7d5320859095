"""Scan: where one repository asks for flags. Nothing of it is run, and what was read before is not read again."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.git.references import Wanted, look_first
from sluice.flags.calls import FlagCall
from sluice.flags.reference import Reference
from tasks.flags.auditing.ground import Repository, calls_of, flag_audit, repository
from tasks.flags.auditing.looking.texts import listing, texts
from tasks.stage import stage


class Scanned(BaseModel):
    """One repository, looked through.

    Attributes:
        repository: its name in the audit.
        url, branch: where it is.
        commit: that was looked through.
        references: where it asks for flags.
        owners: its CODEOWNERS, as a text.
        too_large: how many files were passed over for their size.
        read: how many files had to be read; 0 where all of it was known.
        fault: why it could not be looked through; all else is empty then.
    """

    model_config = ConfigDict(frozen=True)
    repository: str
    url: str = ""
    branch: str = ""
    commit: str = ""
    references: tuple[Reference, ...] = ()
    owners: str = ""
    too_large: int = 0
    read: int = 0
    fault: str = ""


@stage("scan", run_name="scan: {repository_name}", delays=[1.0, 4.0, 10.0])
async def scan(name: str, namespace: str, repository_name: str) -> Scanned:
    """Look through one repository of a FlagAudit.

    Raises:
        NotFoundError: the audit, its GitRepository, its Secret or its branch is not there.
        InvalidError: something of these, or of its code, cannot be read.
        TransientError: git does not answer.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    where = await repository(wired, audit, repository_name)
    return await scanned(wired, where, calls_of(audit))


async def scanned(wired: Connections, where: Repository, calls: tuple[FlagCall, ...]) -> Scanned:
    """Look through a repository as its branch is now."""
    read: dict[str, Mapping[str, str]] = {}
    known: dict[str, tuple[Reference, ...]] = {}
    names: dict[str, str] = {}
    async with wired.git.hold(where.remote) as mirror:
        commit = (await look_first(mirror, Wanted(branch=where.branch))).commit
        found = await listing(mirror, commit, where.asked.exclude)
        for language, files in found.by_language.items():
            names[language] = wired.code.kept.name(language, ((one.path, one.blob) for one in files.values()), calls)
            before = wired.code.kept.find(names[language])
            if before is None:
                read[language] = await texts(mirror, files.values())
            else:
                known[language] = before
        owners = await texts(mirror, [found.owners]) if found.owners else {}
    # One process for all languages: to start one costs as much as to read ten thousand lines.
    found_now = await wired.code.references(read, calls, where.name) if read else {}
    for language, references in found_now.items():
        wired.code.kept.keep(names[language], references)
        known[language] = references
    return Scanned(
        repository=where.name,
        url=where.url,
        branch=where.branch,
        commit=commit,
        references=tuple(one for language in sorted(known) for one in known[language]),
        owners="".join(owners.values()),
        too_large=len(found.too_large),
        read=sum(len(files) for files in read.values()),
    )
