"""How people hear of drift: a Kubernetes Event on the Kustomization, and a message in chat, each thing once."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence

from blocks.applied.ledger import Owner, Place, place_of
from blocks.connections import Connections
from blocks.kubernetes.reports import report
from sluice.errors import ConflictError, InvalidError, SluiceError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.notices.message import Message, Occasion, Severity
from sluice.sync.drift.findings import Finding
from sluice.sync.drift.policy import ANNOTATION, Policy, policy_of, policy_or_default
from sluice.sync.drift.struggle import FIRST_PAUSE, LONGEST_PAUSE, MOST, Repeats

log = logging.getLogger("sluice.drift")
NAMED = 5
"""Objects that a message names."""
NOW = "it is put back now"
LAST_TIME = (
    f"it has come back {MOST - 1} times, and nothing more is said of it until it has stayed away for a day: have the one "
    "who does it leave the field alone, or take it out of git"
)
NEXT = {
    Policy.AT_ONCE: NOW,
    Policy.AT_INTERVAL: f"it is put back at the interval or with the next commit ({ANNOTATION}: {Policy.AT_ONCE} is sooner)",
    Policy.REPORT_ONLY: f"it stays, as {ANNOTATION}: {Policy.REPORT_ONLY} says",
}


async def reported(wired: Connections, one: Kustomization, found: Iterable[Finding], what_next: str = "") -> bool:
    """Say what somebody changed and what will be done about it, where that is news; whether it was.

    Args:
        wired: what this process is connected to.
        one: the Kustomization as it was read.
        found: what somebody changed.
        what_next: what is done about it; as the policy says where it is not given.
    """
    news = [each for each in found if wired.applied.said.get(_place(one, each)) != each.mark]
    if not news:
        return False
    note(wired, one, news)
    news = [each for each in news if _repeats(wired, one, each).once_more(time.monotonic())]
    if not news:
        return False
    wrong = ""
    try:
        policy_of(one.metadata.annotations)
    except InvalidError as error:
        wrong = f"; {error}"
    said = f"{_named(news)}: {what_next or NEXT[policy_or_default(one.metadata.annotations)]}{wrong}"
    if any(_repeats(wired, one, each).times == MOST for each in news):
        said += f"; {LAST_TIME}"
    log.warning("%s: %s", one, said)
    if await _event(wired, one, "Drift", said, mark="".join(f"{each.mark}{each.version}" for each in news)):
        await _chat(wired, one, Occasion.DRIFTED, Severity.WARN, said, news)
    return True


def note(wired: Connections, one: Kustomization, found: Iterable[Finding]) -> None:
    """Take these for said."""
    for each in found:
        wired.applied.said[_place(one, each)] = each.mark


def forget(wired: Connections, one: Kustomization, places: Iterable[Place]) -> None:
    """These are as they should be: the next change of them is news."""
    for place in places:
        wired.applied.said.pop(((one.kind, one.namespace, one.name), place), None)


def _repeats(wired: Connections, one: Kustomization, found: Finding) -> Repeats:
    key = (*_place(one, found), found.mark)
    known = wired.applied.repeats.get(key)
    if known is None:
        known = wired.applied.repeats[key] = Repeats()
    return known


def _place(one: Kustomization, found: Finding) -> tuple[Owner, Place]:
    return (one.kind, one.namespace, one.name), place_of(found.object)


async def put_back(wired: Connections, one: Kustomization, found: Sequence[Finding]) -> None:
    """Say that it was put back."""
    await _event(
        wired,
        one,
        "DriftCorrected",
        f"put back: {', '.join(str(each.object) for each in found[:NAMED])}",
        warning=False,
    )


async def contested(wired: Connections, one: Kustomization, found: Sequence[Finding]) -> None:
    """Say who changes again and again what is put back, and what ends it."""
    who = ", ".join(dict.fromkeys(each.who for each in found if each.who)) or "somebody whose name is not known"
    said = (
        f"{_named(found)}: {who} changes it each time that it is put back, {MOST} times now. From now on it is put back "
        f"after {FIRST_PAUSE:g} s, then more and more seldom, up to {LONGEST_PAUSE:g} s. Take the fields out of git, or "
        "have that leave them alone"
    )
    if await _event(wired, one, "Contested", said):
        await _chat(wired, one, Occasion.CONTESTED, Severity.ERROR, said, found)


async def _event(
    wired: Connections, one: Kustomization, reason: str, said: str, *, mark: str = "", warning: bool = True
) -> bool:
    """Whether this process is the one that says it: of two workers that saw the same, the first."""
    name = hashlib.sha256(f"{one.metadata.uid}{mark}".encode()).hexdigest()[:16] if mark else ""
    try:
        await report(wired.cluster, one, reason, said, warning=warning, mark=name)
    except ConflictError:
        return False
    except SluiceError as error:
        log.warning("%s: no Event was made: %s", one, error)
    return True


async def _chat(
    wired: Connections, one: Kustomization, occasion: Occasion, severity: Severity, said: str, found: Sequence[Finding]
) -> None:
    if wired.chat is None:
        return
    who = ", ".join(dict.fromkeys(each.who for each in found if each.who))
    message = Message(
        severity=severity,
        occasion=occasion,
        subject=f"{one.namespace}/{one.name}",
        version=one.status.last_applied_revision.rpartition(":")[2][:12],
        reason=said,
        facts={"by": who},
    )
    try:
        await wired.chat.say(message)
    except SluiceError as error:
        log.warning("%s: %s was not said in chat: %s", one, occasion, error)


def _named(found: Sequence[Finding]) -> str:
    rest = len(found) - NAMED
    return "; ".join(map(str, found[:NAMED])) + (f"; and {rest} objects more" if rest > 0 else "")
