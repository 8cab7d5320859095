"""Propose: the removal of flags that are done, as one pull request for each flag and repository.

Written down before it is pushed, so that a worker that dies in between leaves nothing open that nobody knows of. What is
proposed already is brought up to date, never repeated; a branch with a person's commit on it is left as it is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.forges.base import Forge, Proposed, PullRequest
from blocks.git.branches.proposed import Change, Did, put
from blocks.leases.lease import current_lease
from sluice.errors import SluiceError
from sluice.flags.audit.finished import Finished, Row
from sluice.flags.audit.owners import Owners, owners
from sluice.flags.audit.proposal import TRAILER, Proposal, branch_of, proposal, together
from sluice.manifests.own.flag_audit import FlagAudit, ProposedRemoval
from tasks.flags.auditing.ground import AUTHOR, Repository, calls_of, flag_audit, forge_of, repository
from tasks.flags.auditing.looking.scan import Scanned
from tasks.flags.auditing.looking.texts import listing, texts
from tasks.flags.auditing.state import forget, remember
from tasks.stage import stage


class Outcome(BaseModel):
    """What became of the removals of one repository.

    Attributes:
        removals: as they are now.
        opened: addresses of those that are new.
        troubles: why one is not proposed.
    """

    model_config = ConfigDict(frozen=True)
    removals: tuple[ProposedRemoval, ...] = ()
    opened: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where removals go."""

    wired: Connections
    audit: FlagAudit
    where: Repository
    forge: Forge
    owners: Owners
    commit: str


@stage("propose removals", run_name="propose removals: {repository_name}", delays=[1.0, 4.0])
async def propose(
    name: str, namespace: str, repository_name: str, scan: Scanned, rows: tuple[Row, ...], finished: Finished
) -> Outcome:
    """Propose the removal of each of these flags in one repository. One that fails does not keep the others from it.

    Args:
        name, namespace: of the FlagAudit.
        repository_name: where.
        scan: what was seen there.
        rows: the flags.
        finished: the audit, for what the pull request says.

    Raises:
        TransientError: git does not answer.
        TerminalError: there is no way into the repository or its forge.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    where = await repository(wired, audit, repository_name)
    place = Place(wired, audit, where, await forge_of(wired, audit, where), owners(scan.owners), scan.commit)
    made, troubles = await _removals(place, rows, finished)
    removals: list[ProposedRemoval] = []
    opened: list[str] = []
    for one in made:
        try:
            removal, new = await _propose(place, one)
        except SluiceError as error:
            troubles.append(f"{where.name}: the removal of {one.flag} is not proposed: {error}")
            continue
        removals.append(removal)
        opened += [removal.address] if new else []
    return Outcome(removals=tuple(removals), opened=tuple(opened), troubles=tuple(troubles))


async def _removals(place: Place, rows: Sequence[Row], finished: Finished) -> tuple[list[Proposal], list[str]]:
    """What to propose, and why nothing of a flag can be."""
    wired, where = place.wired, place.where
    async with wired.git.hold(where.remote) as mirror:
        found = await listing(mirror, place.commit, where.asked.exclude)
        files = {name: await texts(mirror, listed.values()) for name, listed in found.by_language.items()}
    wanted = [(row.flag, row.value) for row in rows]
    made = await wired.code.removals(files, calls_of(place.audit), wanted, where.name)
    before: Mapping[str, str] = {path: text for one in files.values() for path, text in one.items()}
    proposals: list[Proposal] = []
    troubles: list[str] = []
    for row, each in zip(rows, made, strict=True):
        removal = together(each, row.flag)
        one = proposal(row, removal, before, finished)
        if one is not None:
            proposals.append(one)
        else:
            why = "; ".join(str(left) for left in removal.left[:3]) or "nothing of the code is surely about it"
            troubles.append(f"{where.name}: {row.flag} cannot be removed by a program: {why}")
    return proposals, troubles


async def _propose(place: Place, wish: Proposal) -> tuple[ProposedRemoval, bool]:
    """The removal as it is now, and whether its pull request is new."""
    wired, where, audit = place.wired, place.where, place.audit
    base = ProposedRemoval(
        flag=wish.flag, value=wish.value, url=where.url, branch=wish.branch, into=where.branch, repository=where.name
    )
    known = next((one for one in audit.status.removals if (one.flag, one.url) == (wish.flag, where.url)), None)
    await remember(wired, audit.name, audit.namespace, known or base)
    change = Change(
        branch=wish.branch,
        base=place.commit,
        files=wish.texts,
        message=wish.message,
        mark=f"{TRAILER}: {wish.change}",
        ours=f"{TRAILER}:",
        author=AUTHOR,
    )
    async with wired.git.hold(where.remote) as mirror:
        current_lease().check()
        done = await put(mirror, change, int(time.time()))
    if done.did is Did.KEPT and known is None:
        await forget(wired, audit.name, audit.namespace, [base])
    if done.did is Did.KEPT:
        kept = (known or base).model_copy(update={"state": "kept", "value": wish.value})
        if known is not None:
            await remember(wired, audit.name, audit.namespace, kept)
        return kept, False
    current_lease().check()
    found = await place.forge.propose(where.url, _pull_request(place, wish))
    state = "declined" if found.state is Proposed.DECLINED else "open"
    now = base.model_copy(update={"state": state, "number": found.number, "address": found.address})
    await remember(wired, audit.name, audit.namespace, now)
    return now, state == "open" and (known is None or known.number != found.number)


def _pull_request(place: Place, wish: Proposal) -> PullRequest:
    asked = dict.fromkeys(owner for path in wish.texts for owner in place.owners.of(path))
    return PullRequest(
        branch=branch_of(wish.flag),
        into=place.where.branch,
        title=wish.title,
        body=wish.body,
        change=wish.change,
        reviewers=tuple(asked),
    )
