"""Writes what an automation's policies want into git, proposes it where that is asked for, and says how it went."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.git.mirrors import Commit
from blocks.sources.git import git_repository, remote_of
from sluice.errors import InvalidError, NotFoundError, SluiceError, TerminalError, TransientError
from sluice.events.model import SourceChanged
from sluice.images import automation as record
from sluice.images.reference import ImageRef
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.sync.revision import revision
from tasks.images.writing.delivery import Delivery, Rollbacks, now, write_status
from tasks.images.writing.learn import learn
from tasks.images.writing.propose import propose
from tasks.images.writing.ways import Way, ways
from tasks.images.writing.wishes import wishes_of
from tasks.images.writing.withdraw import Place, nothing_left, withdraw


class Written(BaseModel):
    """What one ImageUpdateAutomation did.

    Attributes:
        automation: `namespace/name` of the ImageUpdateAutomation.
        files: what the commit changed; empty where git had everything already.
        event: what the rest of sluice has to know; None where nothing could be written.
        fault: why nothing could be written; empty where all went well.
        rolled_back: versions that the commit took out of git, as people call them, with what is there instead.
        proposal: where people look at what was pushed; empty where it needs no word of theirs.
    """

    model_config = ConfigDict(frozen=True)
    automation: str
    files: tuple[str, ...] = ()
    event: SourceChanged | None = None
    fault: str = ""
    rolled_back: tuple[str, ...] = ()
    proposal: str = ""


async def write(automation: ImageUpdateAutomation, chosen: dict[str, ImageRef] | None = None) -> list[Written]:
    """Bring git to what the policies want: one commit for each way that the automation goes.

    Args:
        automation: as it was read.
        chosen: `namespace:policy` → image, for these alone; None for what every policy chose last.

    Raises:
        TransientError: git did not answer, or others pushed again and again; the condition says it.
    """
    wired = connections()
    named = f"{automation.namespace}/{automation.name}"
    try:
        wired.tenants.refuse_foreign(automation.namespace, automation.source)
        source = await git_repository(wired.cluster, automation.source)
        wanted: set[Place] = set()
        done = [await _go(wired, automation, source, way, chosen, wanted) for way in ways(automation)]
    except TransientError as error:
        await write_status(automation, record.failed(automation, now(), record.GIT_FAILED, str(error)))
        raise
    except TerminalError as error:
        await write_status(automation, record.failed(automation, now(), reason_of(error), str(error)))
        return [Written(automation=named, fault=f"{automation}: {error}")]
    if chosen is None:
        # A push that some policies want says nothing of what the others have proposed.
        await withdraw(wired, automation, wanted, nothing_left(automation))
    return done


def delivery_of(
    wired: Connections,
    automation: ImageUpdateAutomation,
    source: GitRepository,
    way: Way,
    chosen: dict[str, ImageRef] | None = None,
) -> Delivery:
    """What an automation writes on one of its ways."""
    return Delivery(
        automation,
        source,
        lambda: wishes_of(wired, automation, chosen),
        rollbacks=way.rollbacks,
        push_to=way.branch,
    )


def reason_of(error: SluiceError) -> str:
    """Flux's word for what went wrong."""
    if isinstance(error, InvalidError | NotFoundError):
        return record.SOURCE_WRONG
    return record.GIT_FAILED


async def _go(
    wired: Connections,
    automation: ImageUpdateAutomation,
    source: GitRepository,
    way: Way,
    chosen: dict[str, ImageRef] | None,
    wanted: set[Place],
) -> Written:
    delivery = delivery_of(wired, automation, source, way, chosen)
    remote = await remote_of(wired.cluster, source)
    edit = await delivery.edit(wired, remote)
    commit = await wired.git.commit(remote, edit)
    await learn(wired, automation, delivery.known, delivery.wishes)
    proposal, trouble = await propose(wired, source, way, delivery, edit, commit, wanted)
    rolled_back = tuple(f"{one.image.short} → {one.back_to or '?'}" for one in delivery.rolled_back.values())
    if way.rollbacks is not Rollbacks.ALONE or commit.files or trouble:
        await write_status(
            automation,
            record.pushed(
                automation,
                now(),
                base=revision(edit.branch, commit.base),
                branch=edit.target,
                commit=commit.id if commit.files else "",
                images=delivery.images,
                unsupported=delivery.unsupported,
                more=f"; {proposal}" if proposal else "",
                proposal=trouble,
                whole=chosen is None,
            ),
        )
    return Written(
        automation=f"{automation.namespace}/{automation.name}",
        files=commit.files,
        event=_event(source, edit.target, commit),
        fault=f"{automation}: {trouble}" if trouble else "",
        rolled_back=rolled_back if commit.files else (),
        proposal=proposal,
    )


def _event(source: GitRepository, branch: str, commit: Commit) -> SourceChanged:
    address = source.address
    return SourceChanged(delivery=f"{address}@{commit.id}", url=address, ref=branch, commit=commit.id)
