"""What people in chat read of a Gate that waits for them, and what they may press."""

from __future__ import annotations

from datetime import UTC, datetime

from sluice.gates.answering.buttons import Button, Seal
from sluice.gates.approval import who_may
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act
from sluice.manifests.own.gate import Gate
from sluice.notices.message import Choice, Message, Occasion, rollout_message

ABOUT_A_RELEASE = (Act.PAUSE, Act.ABORT)
"""What may be pressed under the message that a release has begun."""
SHOWN_METRICS = 4
PRESSED_WITHIN = 7 * 86400.0
"""Seconds that a button under the message of a release may be pressed."""


def question(
    canary: Canary, gate: Gate, point: str, said: str, until: float, seal: Seal, *, version: str, revision: str
) -> Message:
    """A Gate that waits.

    Args:
        canary: whose release.
        gate: with `approval`.
        point: of the rollout.
        said: how far it is.
        until: when it is refused, seconds since the epoch.
        seal: seals the buttons.
        version, revision: that are released.
    """
    spec = gate.spec.approval
    assert spec is not None  # noqa: S101 - asked for Gates of this kind alone
    about = (gate.key, gate.metadata.uid, point)
    facts = {
        "Point": point,
        "Gate": gate.key,
        "Who may": who_may(spec) + (f" ({spec.needed} of them)" if spec.needed > 1 else ""),
        "Until": _when(until),
        "Weight": f"{canary.status.canary_weight} %",
        **_judged(canary, revision),
    }
    choices = _choices((Act.APPROVE, Act.REJECT), canary, revision, until, seal, about)
    reason = ": ".join(one for one in (said, gate.spec.message) if one)
    return rollout_message(Occasion.GATE_WAITS, _name(canary), version, reason, facts, choices)


def answered(canary: Canary, gate: str, point: str, said: str, occasion: Occasion, version: str) -> Message:
    """A Gate that waits no more."""
    return rollout_message(occasion, _name(canary), version, said, {"Point": point, "Gate": gate})


def about_release(canary: Canary, revision: str, now: float, seal: Seal) -> tuple[Choice, ...]:
    """What people may press under the message that a release has begun."""
    return _choices(ABOUT_A_RELEASE, canary, revision, now + PRESSED_WITHIN, seal)


def _choices(
    acts: tuple[Act, ...],
    canary: Canary,
    revision: str,
    until: float,
    seal: Seal,
    about: tuple[str, str, str] = ("", "", ""),
) -> tuple[Choice, ...]:
    begun = canary.status.begun_with.heard if canary.status.begun_with else 0
    of = (canary.namespace, canary.name, canary.metadata.uid, revision, begun, until, *about)
    values = [(act, seal.sealed(Button(act, *of))) for act in acts]
    return tuple(Choice(word=act, value=value, stops=act is not Act.APPROVE) for act, value in values if value)


def _judged(canary: Canary, revision: str) -> dict[str, str]:
    """What the judge has counted so far."""
    evidence = canary.status.evidence
    metrics = (evidence.get("metrics") or {}) if evidence.get("revision") == revision else {}
    seen = {name: one.get("seen") or {} for name, one in list(metrics.items())[:SHOWN_METRICS]}
    counted = {name: (one.get("bad", 0), one.get("requests", 0)) for name, one in seen.items()}
    return {name: f"{bad:g} of {of:g} requests bad so far" for name, (bad, of) in counted.items() if of}


def _name(canary: Canary) -> str:
    return f"{canary.namespace}/{canary.name}"


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a %d %b %Y %H:%M UTC")
