"""What the kill switch does next in a release that the judge finds bad, by the journal alone."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.kill_switch import KillSwitch, SwitchState
from sluice.rollout.decision import Action
from sluice.rollout.kill_switch.named import named


def switch_of(canary: Canary) -> KillSwitch | None:
    """What the manifest says of it; None where sluice may turn nothing off."""
    analysis = canary.spec.analysis
    return analysis.kill_switch if analysis is not None and canary.analysed else None


def is_open(canary: Canary) -> bool:
    """Whether flags of the revision under way are being turned off, or its recovery is watched."""
    return _state(canary) in {SwitchState.SWITCHING, SwitchState.WATCHING}


def switch_act(canary: Canary) -> Action | None:
    """What comes next; None where nothing is left but to roll the release back.

    The flags of one release are turned off once: where it fails with them off, they were not the cause.
    """
    if switch_of(canary) is None:
        return None
    state = _state(canary)
    if state is SwitchState.WATCHING:
        return Action.WATCH_RECOVERY
    if state is SwitchState.SWITCHING or (state is None and named(canary)):
        return Action.SWITCH_FLAGS_OFF
    return None


def _state(canary: Canary) -> SwitchState | None:
    return canary.status.flags.of(canary.status.last_applied_spec).state
