"""The forge of a Canary's repository, and what it shows of one revision."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable
from functools import partial

from blocks.connections import Connections
from blocks.forges.base import CommitStatus, Forge, State
from blocks.forges.marks.base import Deployed, Note
from blocks.kubernetes.kinds import SECRET
from sluice.credentials import texts
from sluice.errors import InvalidError, SluiceError, TransientError, reason_of
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.marked import Marked
from sluice.marks.due import Due, Mark
from sluice.marks.where import Origin, context_of
from tasks.marks.origin import origin_of

FORGE_SECRET = "sluice.dev/forge-secret"  # noqa: S105 - the name of an annotation
"""Of a Canary: a Secret of its namespace with `token`, or what Flux's Secret of a GitHub App has, and with `type` and
`address` for a forge that is not known by its host."""
STATES = {
    Mark.IN_PROGRESS: State.PENDING,
    Mark.PROMOTED: State.SUCCESS,
    Mark.ROLLED_BACK: State.FAILURE,
    Mark.SUPERSEDED: State.CANCELLED,
}
Act = Callable[[], Awaitable[object]]


async def shown(wired: Connections, canary: Canary, one: Due, known: Marked, environment: str) -> Marked:
    """Show a revision's state at its forge; the record of it, with what the forge refused.

    Raises:
        TransientError: the forge, the registry or the cluster is away or asks to wait. What was shown is found again.
    """
    record = known.model_copy(
        update={
            "mark": str(one.mark),
            "version": one.version or known.version,
            "environment": known.environment if known.mark == Mark.IN_PROGRESS else environment,
            "refused": "",
            "at": time.time(),
        }
    )
    try:
        origin, version = await _origin(wired, canary, one, known)
        record = record.model_copy(update={**origin._asdict(), "version": record.version or version})
        forge = await forge_of(wired, canary, origin.repository)
        if forge is None:
            raise InvalidError(
                f"there is no way into the forge of {origin.repository}: set SLUICE_GITHUB_TOKEN or its like"
            )
        refused = await _all_of(_acts(forge, canary, one, record))
    except TransientError:
        raise
    except SluiceError as error:
        refused = reason_of(error)
    return record.model_copy(update={"refused": refused})


async def forge_of(wired: Connections, canary: Canary, url: str) -> Forge | None:
    """The forge of a repository, by the Secret that the Canary names; None where there is no way into it.

    Raises:
        NotFoundError: there is no such Secret.
        InvalidError: it does not have what is needed; names the key.
    """
    name = canary.metadata.annotations.get(FORGE_SECRET, "").strip()
    if wired.forge is None:
        return None
    if not name:
        return wired.forge(url)
    secret = await wired.cluster.get(SECRET, name, canary.namespace)
    whence = f"Secret {canary.namespace}/{name} (annotation {FORGE_SECRET})"
    return wired.forge.with_login(url, texts(secret), whence)


async def _origin(wired: Connections, canary: Canary, one: Due, known: Marked) -> tuple[Origin, str]:
    """From the record where it is known: a target that moved on does not know it any more."""
    if known.repository and known.commit:
        return Origin(known.repository, known.commit), known.version
    return await origin_of(wired, canary, one.revision)


def _acts(forge: Forge, canary: Canary, one: Due, record: Marked) -> list[Act]:
    service, url, state = f"{canary.namespace}/{canary.name}", record.repository, STATES[one.mark]
    description = f"{record.version} is on its way" if one.mark is Mark.IN_PROGRESS else one.reason
    status = CommitStatus(context=context_of(record.environment, service), state=state, description=description)
    deployed = Deployed(
        key=f"{canary.metadata.uid}/{one.revision}/{record.attempt}",
        service=service,
        environment=record.environment,
        commit=record.commit,
        version=record.version,
        state=state,
        description=description,
    )
    acts: list[Act] = [
        partial(forge.set_status, url, record.commit, status),
        partial(forge.marks.deploy, url, deployed),
    ]
    if one.mark in {Mark.PROMOTED, Mark.ROLLED_BACK}:
        acts.append(partial(forge.marks.note, url, _note(service, one, record)))
    return acts


def _note(service: str, one: Due, record: Marked) -> Note:
    """The line in the notes of the release. What a gate or a pod said is no Markdown, and calls nobody by name."""
    key = hashlib.sha256(f"{record.environment}/{service}".encode()).hexdigest()[:16]
    day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(one.at or record.at))
    why = f": `{one.reason.replace('`', chr(39))}`" if one.mark is Mark.ROLLED_BACK else ""
    return Note(key=key, version=record.version, line=f"{record.environment} ({service}): **{one.mark}** on {day}{why}")


async def _all_of(acts: list[Act]) -> str:
    """Do each, whatever another came to; what was refused, in words.

    Raises:
        TransientError: one of them may pass, so that all are done again.
    """
    refused, later = [], None
    for act in acts:
        try:
            await act()
        except TransientError as error:
            later = error
        except SluiceError as error:
            refused.append(reason_of(error))
    if later is not None:
        raise later
    return "; ".join(dict.fromkeys(refused))
