"""How people hear of drift: a Kubernetes Event on the Kustomization, and a message in chat, each thing once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

from blocks.connections import Connections
from blocks.kubernetes.reports import report
from sluice.errors import ConflictError, InvalidError, SluiceError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.notices.message import Message, Occasion, Severity
from sluice.sync.drift.findings import Finding
from sluice.sync.drift.policy import ANNOTATION, Policy, policy_of
from sluice.sync.drift.struggle import FIRST_PAUSE, LONGEST_PAUSE, MOST

log = logging.getLogger("sluice.drift")
NAMED = 5
"""Objects that a message names."""
NEXT = {
    Policy.AT_ONCE: "it is put back now",
    Policy.AT_INTERVAL: f"it is put back at the interval or with the next commit ({ANNOTATION}: {Policy.AT_ONCE} is sooner)",
    Policy.REPORT_ONLY: f"it stays, as {ANNOTATION}: {Policy.REPORT_ONLY} says",
}


async def reported(wired: Connections, one: Kustomization, found: Sequence[Finding], policy: Policy) -> None:
    """Say what somebody changed, and what will be done about it."""
    try:
        policy_of(one.metadata.annotations)
        wrong = ""
    except InvalidError as error:
        wrong = f"; {error}"
    said = f"{_named(found)}: {NEXT[policy]}{wrong}"
    if await _event(wired, one, "Drift", said, mark="".join(each.mark for each in found)):
        await _chat(wired, one, Occasion.DRIFTED, Severity.WARN, said, found)


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
    name = hashlib.sha256(f"{one.metadata.resource_version}{mark}".encode()).hexdigest()[:16] if mark else ""
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
