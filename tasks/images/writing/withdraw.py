"""Withdraw: a pull request that became obsolete is closed, with a word on why.

What an automation has proposed is written on it.

Obsolete is what nothing is left to propose for (a policy moved back, a version is kept out, people wrote the change
themselves), and what its automation no longer stands for: it is suspended, was deleted, or proposes from another branch.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection, Iterable

from blocks.connections import Connections
from blocks.git.mirrors import Edit
from blocks.kubernetes.kinds import IMAGE_UPDATE_AUTOMATION
from sluice.errors import ConflictError, NotFoundError, SluiceError, TransientError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.forge import forge_of

PROPOSED = "sluice.dev/proposed"
"""Of an ImageUpdateAutomation: where pull requests of it may be open."""
FINALIZER = "finalizers.fluxcd.io"
"""Keeps an automation that has one open until that is closed. It is Flux's own, which takes it away as well."""
TRIES = 5
Place = tuple[str, str, str]
"""Address of a repository, the branch that has the change, and the branch that it is for."""
log = logging.getLogger("sluice.images")


def place_of(source: GitRepository, edit: Edit) -> Place:
    """Where the pull request of an edit is."""
    return source.address, edit.target, edit.branch


def proposed(automation: ImageUpdateAutomation) -> set[Place]:
    """Where pull requests of an automation may be open."""
    try:
        found = json.loads(automation.metadata.annotations.get(PROPOSED, "[]"))
        return {(str(url), str(branch), str(into)) for url, branch, into in found}
    except (ValueError, TypeError):
        return set()  # somebody has edited it: what is open is found by the next proposal


def leaves(automation: ImageUpdateAutomation) -> bool:
    """Whether it was deleted and waits for its pull requests to be closed."""
    return bool(automation.metadata.deletion_timestamp) and FINALIZER in automation.metadata.finalizers


async def remember(
    wired: Connections, automation: ImageUpdateAutomation, add: Iterable[Place] = (), drop: Iterable[Place] = ()
) -> None:
    """Write down where a pull request is about to be open, or is so no longer."""
    for _ in range(TRIES):
        found = await wired.cluster.find(IMAGE_UPDATE_AUTOMATION, automation.name, automation.namespace)
        if found is None:
            return
        now = ImageUpdateAutomation.parse(found)
        places = (proposed(now) | set(add)) - set(drop)
        finalizers = [one for one in now.metadata.finalizers if one != FINALIZER] + [FINALIZER] * bool(places)
        if places == proposed(now) and set(finalizers) == set(now.metadata.finalizers):
            return
        meta = {
            "resourceVersion": now.metadata.resource_version,
            "annotations": {PROPOSED: json.dumps(sorted(places)) if places else None},
            "finalizers": finalizers,
        }
        with contextlib.suppress(ConflictError):
            await wired.cluster.patch(IMAGE_UPDATE_AUTOMATION, now.name, now.namespace, {"metadata": meta})
            return
    raise TransientError(
        f"{automation} is written to by somebody all the time: what it has proposed is not written on it"
    )


async def withdraw(wired: Connections, automation: ImageUpdateAutomation, keep: Collection[Place], why: str) -> None:
    """Close all pull requests of an automation but those that are still wanted. Idempotent.

    What the forge does not do now is tried again at the next look; what it refuses keeps no deleted automation.
    """
    for place in sorted(proposed(automation) - set(keep)):
        url, branch, into = place
        try:
            forge = await forge_of(wired, automation, url)
            closed = await forge.withdraw(url, branch, into, comment(why)) if forge else None
        except SluiceError as error:
            log.warning(
                "%s: its pull request from %s into %s of %s stays open: %s", automation, branch, into, url, error
            )
            if isinstance(error, TransientError) or not leaves(automation):
                continue
        else:
            if closed:
                log.info("%s: pull request %s (%s) was closed: %s", automation, closed.number, closed.address, why)
        with contextlib.suppress(NotFoundError):
            await remember(wired, automation, drop=[place])


def comment(why: str) -> str:
    """What people read in a pull request that is closed."""
    return f"Closed by sluice: {why}. When there is something to propose again, it is a new pull request."


def nothing_left(automation: ImageUpdateAutomation) -> str:
    """Why there is nothing to propose."""
    return f"{automation} has nothing left to propose: what its policies want is in git already"


def at_rest(automation: ImageUpdateAutomation) -> str:
    """Why one proposes nothing whatever its policies want; empty where it does."""
    if automation.metadata.deletion_timestamp:
        return f"{automation} was deleted"
    return f"{automation} is suspended" if automation.spec.suspend else ""
