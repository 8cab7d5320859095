"""Commands as people write them, in chat as in a terminal: `approve shop/cart gate=four-eyes looked at the dashboards`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from sluice.errors import InvalidError
from sluice.gates.asked_for import ALL_GATES
from sluice.gates.asking import REASONED
from sluice.manifests.own.audit_record import Act

STATUS = "status"
WITH_GATE = frozenset({Act.APPROVE, Act.REJECT, Act.OVERRIDE})
"""What is said to a Gate."""
WITH_REASON = REASONED | {Act.FREEZE}
"""What nobody does without saying why."""
VERBS: dict[str, Act | None] = {
    STATUS: None,
    **{
        str(act): act
        for act in (
            Act.APPROVE,
            Act.REJECT,
            Act.OVERRIDE,
            Act.ABORT,
            Act.PROMOTE,
            Act.RETRY,
            Act.PAUSE,
            Act.RESUME,
            Act.FREEZE,
            Act.UNFREEZE,
        )
    },
}
"""What may be asked, by its word; None for a look alone."""
USAGE = f"{'|'.join(VERBS)} SERVICE [gate=NAME] [reason]"
_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SERVICE = re.compile(rf"(?:(?P<namespace>{_NAME})/)?(?P<name>{_NAME}(?:\.{_NAME})*)")
_LONGEST = 3000


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        act: what is asked; None for a look alone.
        canary: name of the service's Canary.
        namespace: of it; empty where none is named.
        gate: name of the Gate, or `namespace/name`; `*` for all that are closed.
        reason: why.
    """

    act: Act | None
    canary: str
    namespace: str = ""
    gate: str = ""
    reason: str = ""

    @property
    def word(self) -> str:
        """What people call it."""
        return str(self.act or STATUS)


def command(text: str) -> Command:
    """The command that a text is.

    Raises:
        InvalidError: it is none; the message says what is missing, and how it is written.
    """
    words = text[:_LONGEST].split()
    if not words:
        raise InvalidError(f"say what to do: {USAGE}")
    verb = words[0].lower()
    if verb not in VERBS:
        near = get_close_matches(verb, VERBS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InvalidError(f"there is no command {words[0][:40]!r}: {hint}{USAGE}")
    if len(words) < 2:
        raise InvalidError(f"{verb} of which service? Write {verb} SERVICE, as in {verb} shop/cart")
    act = VERBS[verb]
    namespace, name = service(words[1])
    gate, reason = _gate(words[2:])
    if gate and act not in WITH_GATE:
        raise InvalidError(f"{verb} is about the release, not about a gate: leave out gate={gate}")
    if act in WITH_REASON and not reason:
        raise InvalidError(f"{verb} needs a reason: {verb} {words[1]} because of what")
    return Command(act, name, namespace, gate or (ALL_GATES if act in WITH_GATE else ""), reason)


def service(text: str) -> tuple[str, str]:
    """Namespace, empty where none is named, and name of a service that somebody wrote.

    Raises:
        InvalidError: it is no name.
    """
    found = _SERVICE.fullmatch(text.strip("`*"))
    if found is None or len(found["name"]) > 253:
        raise InvalidError(f"{text[:80]!r} is no service: write its Canary as NAME or NAMESPACE/NAME")
    return found["namespace"] or "", found["name"]


def _gate(words: list[str]) -> tuple[str, str]:
    """The gate, where one is named before the reason, and the reason."""
    name, equals, gate = (words[0] if words else "").partition("=")
    if equals and name == "gate":
        if not gate:
            raise InvalidError("gate= names no gate: write gate=NAME, or leave it out for all that are closed")
        return gate, " ".join(words[1:])
    return "", " ".join(words)
