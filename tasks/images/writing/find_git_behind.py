"""Find automations whose git does not hold what their policies want: ask git, at each ImageUpdateAutomation's interval.

So a push that was lost or refused, a new mark, an automation that goes on, and a person's wrong edit are all delivered:
what counts is what git holds, not what was done before.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable

from blocks.connections import connections
from blocks.git.edits import Would
from blocks.kubernetes.kinds import IMAGE_UPDATE_AUTOMATION
from blocks.sources.git import git_repository, remote_of
from sluice.errors import SluiceError
from sluice.events.model import AutomationDue
from sluice.images import automation as record
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from sluice.manifests.meta import REQUESTED_AT
from sluice.sync.revision import revision
from tasks.images.writing.delivery import Delivery, now, write_status
from tasks.images.writing.learn import learn
from tasks.images.writing.ways import Way, ways
from tasks.images.writing.withdraw import Place, at_rest, leaves, nothing_left, place_of, proposed, remember, withdraw
from tasks.images.writing.write import delivery_of, reason_of
from tasks.stage import stage
from tasks.upkeep.pace import Pace

AT_ONCE = 4
"""Git servers that are asked at the same time: each is a process."""
pace = Pace()
log = logging.getLogger("sluice.reconcile")


@stage("find git behind")
async def find_git_behind(since: float | None = None) -> list[AutomationDue]:
    """An event for each automation that has something to write. Why one cannot be asked is in its Ready condition.

    A git server that does not answer is asked again at the interval and does not stop the others.

    Args:
        since: when the last look began, whichever worker made it; None where that is not known.
    """
    turn = asyncio.Semaphore(AT_ONCE)
    looks: list[Awaitable[AutomationDue | None]] = []
    for one in ImageUpdateAutomation.valid(await connections().cluster.list(IMAGE_UPDATE_AUTOMATION)):
        if at_rest(one):
            pace.forget(one.metadata.uid)
            if proposed(one) or leaves(one):
                looks.append(_leave(one, turn))
        elif pace.due(one.metadata.uid, one.spec.interval, since) or record.asked_again(one):
            looks.append(_look(one, turn))
    return [event for event in await asyncio.gather(*looks) if event]


async def _look(automation: ImageUpdateAutomation, turn: asyncio.Semaphore) -> AutomationDue | None:
    wired = connections()
    try:
        async with turn:
            wired.tenants.refuse_foreign(automation.namespace, automation.source)
            source = await git_repository(wired.cluster, automation.source)
            remote = await remote_of(wired.cluster, source)
            wanted: set[Place] = set()
            for way in ways(automation):
                delivery = delivery_of(wired, automation, source, way)
                edit = await delivery.edit(wired, remote)
                would = await wired.git.would_change(remote, edit)
                if _has_work(automation, way, delivery, would):
                    return _event(automation, delivery, would)
                if way.proposed and would.waiting:
                    wanted.add(place_of(source, edit))
                await learn(wired, automation, delivery.known, delivery.wishes)
                if way.branch == "":
                    await write_status(
                        automation,
                        record.pushed(
                            automation,
                            now(),
                            base=revision(edit.branch, would.base),
                            branch=edit.target,
                            commit="",
                            images=delivery.images,
                            unsupported=delivery.unsupported,
                        ),
                    )
            await withdraw(wired, automation, wanted, nothing_left(automation))
    except SluiceError as error:
        log.warning("%s was not compared with git: %s", automation, error)
        await _say(automation, error)
    return None


async def _leave(automation: ImageUpdateAutomation, turn: asyncio.Semaphore) -> None:
    """One that is suspended or was deleted stands for nothing that it has proposed."""
    async with turn:
        try:
            await withdraw(connections(), automation, (), at_rest(automation))
            if leaves(automation):
                await remember(connections(), automation)
        except SluiceError as error:
            log.warning("what %s has proposed was not withdrawn, tried again: %s", automation, error)


async def _say(automation: ImageUpdateAutomation, error: SluiceError) -> None:
    try:
        await write_status(automation, record.failed(automation, now(), reason_of(error), str(error)))
    except SluiceError as trouble:
        log.warning("why %s was not compared with git could not be written: %s", automation, trouble)


def _has_work(automation: ImageUpdateAutomation, way: Way, delivery: Delivery, would: Would) -> bool:
    if would.files or any(wish.release for wish in delivery.wishes.values()):
        return True
    ready = find_condition(automation.status.conditions, READY)
    # It is pushed and the forge was away, or somebody has withdrawn it meanwhile: the pull request is still to be made.
    missing = ready is None or ready.reason == record.PROPOSAL_FAILED or not proposed(automation)
    return way.proposed and bool(would.waiting) and missing


def _event(automation: ImageUpdateAutomation, delivery: Delivery, would: Would) -> AutomationDue:
    """Named by what there is to do and by the run before: what failed is tried again, what waits is not started twice."""
    asked = automation.metadata.annotations.get(REQUESTED_AT, "")
    images = "".join(f"{key}={image}" for key, image in sorted(delivery.images.items()))
    work = hashlib.sha256(f"{would.base}/{would.files}/{images}".encode()).hexdigest()[:24]
    before = f"{automation.status.last_automation_run_time}/{automation.status.last_push_commit}"
    delivery_id = f"{automation.metadata.uid}/{automation.metadata.generation}/{asked}/{before}/{work}"
    return AutomationDue(delivery=delivery_id, namespace=automation.namespace, automation=automation.name)
