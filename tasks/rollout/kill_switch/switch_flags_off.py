"""Switch flags off: what came with a revision that the judge finds bad, before the revision is rolled back.

The intent and each flag's state before are in the journal before the service is asked to turn anything; each turn is fenced
by the state that was seen. Whatever keeps the flags from going off within a few seconds sends the release home at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sluice.errors import LostError, SluiceError
from sluice.flags.flag import FlagState
from sluice.judge.recovery import failing_of
from sluice.manifests.flagger.kill_switch import FlagsStatus, KillSwitch, SwitchState
from sluice.manifests.flagger.phase import Phase
from sluice.notices.message import Occasion
from sluice.rollout.decision import Decision
from sluice.rollout.journal import entry, flags_entry, fresh_evidence, judge_state
from sluice.rollout.kill_switch.named import named
from sluice.rollout.kill_switch.rules import switch_of
from sluice.rollout.kill_switch.states import Chosen, chosen, goes_to_nobody, intended, intent, resumed, turned
from sluice.rollout.result import StageResult
from tasks.measuring.measure import Measures
from tasks.people.leave_event import leave_event
from tasks.rollout.kill_switch.service import Switchboard
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

LEAST_WITHIN, SCRAPES = 30.0, 4
"""Seconds, and scrapes, that a recovery may take where the manifest does not say."""


@stage("switch flags off", run_name="switch flags off {ref}")
async def switch_flags_off(ref: RolloutRef, decision: Decision) -> StageResult:
    """Turn the flags of the revision off at their service, or say why the release goes home. Idempotent."""
    began = time.monotonic()
    scene = await Scene.of(ref)
    scene.check_current(ref)
    switch = switch_of(scene.canary)
    if switch is None:
        return StageResult(fault=decision.reason)
    switching = _Switching(scene, ref, decision, switch)
    try:
        await switching.off()
    except _GivenUpError as why:
        return await switching.give_up(str(why))
    return await switching.watched(time.monotonic() - began)


class _GivenUpError(Exception):
    """Why the flags do not go off."""


@dataclass(slots=True)
class _Switching:
    """One kill switch at work.

    Attributes:
        states: of the flags that are off by it.
    """

    scene: Scene
    ref: RolloutRef
    decision: Decision
    switch: KillSwitch
    states: dict[str, FlagState] = field(default_factory=dict)

    @property
    def journal(self) -> FlagsStatus:
        return self.scene.canary.status.flags.of(self.ref.revision)

    async def off(self) -> None:
        """Turn the flags off.

        Raises:
            _GivenUpError: they are not off, or not all of them.
        """
        begun = self.journal.state is SwitchState.SWITCHING
        open_ = intended(self.journal, self.switch) if begun else []
        keys = [one.key for one in open_] if begun else [one.key for one in named(self.scene.canary)]
        reference, environment = self.switch.service, self.switch.meets
        try:
            board = await Switchboard.of(self.scene.wired, reference, environment, self.scene.canary.namespace)
            flags = await board.found(keys, reference)
        except LostError:
            raise
        except SluiceError as error:
            raise _GivenUpError(str(error)) from error
        choice = resumed(open_, flags, environment) if begun else chosen(flags, environment)
        self.states.update(choice.off)
        if choice.changed:
            raise _GivenUpError(choice.changed)
        if not choice.turn and not choice.off:
            why = "; ".join(choice.left.values())
            raise _GivenUpError(why or "killSwitch.service was changed while its flags were turned off")
        if not begun:
            await self._intend(choice)
        self.scene.lease.check()
        result = await board.turn_off(choice.turn, reference)
        self.states.update(result.states)
        served = [key for key, state in result.states.items() if not goes_to_nobody(flags[key], state)]
        refused = [f"{key}: {why}" for key, why in result.refused.items()]
        refused += [f"{key} is still {result.states[key].served}" for key in served]
        if refused:
            raise _GivenUpError("; ".join(refused))

    async def _intend(self, choice: Chosen) -> None:
        """Write which flags are to go off, each with its state before."""
        measures = Measures.of(self.scene)
        state = judge_state(self.scene.canary, self.ref.revision, measures.metrics.now())
        journal = intent(
            self.journal,
            self.switch,
            choice.turn,
            failing_of(state, measures.objectives),
            reason=self.decision.reason,
            version=self.ref.version,
            now=time.time(),
        )
        said = f"Switching {', '.join(choice.turn)} off: {self.decision.reason}"
        await self._write(journal, said, failedChecks=self.decision.failed_checks)

    async def watched(self, took: float) -> StageResult:
        """Write that the flags are off: the evidence begins once more from this moment."""
        measures = Measures.of(self.scene)
        since = measures.metrics.now()
        within = self.switch.within or max(LEAST_WITHIN, SCRAPES * measures.policy.scrape_period)
        journal = turned(self.journal, self.switch, self.states)
        update = {"state": SwitchState.WATCHING, "since": since, "until": since + within}
        flags, service = ", ".join(self.states), f"{self.switch.service.type}, {self.switch.meets}"
        said = (
            f"{flags} off ({service}); it has {within:g} s to recover at {self.decision.traffic}: {self.journal.reason}"
        )
        evidence = fresh_evidence(self.ref.revision, since)
        await self._write(journal.model_copy(update=update), said, evidence=evidence)
        await leave_event(self.scene.canary, "FlagsSwitchedOff", said, warning=True)
        facts = {
            "Flags": flags,
            "Service": service,
            "Off after": f"{took:.1f} s",
            "Has to recover within": f"{within:g} s",
        }
        return StageResult(news=Occasion.FLAGS_OFF, reason=said, facts=facts, unjudged=True)

    async def give_up(self, why: str) -> StageResult:
        """Write what is known of the flags, and with it that the release goes home."""
        said = f"{self.journal.reason or self.decision.reason}; its flags could not be switched off: {why}"
        journal = turned(self.journal, self.switch, self.states)
        update = {"state": SwitchState.NOT_RECOVERED, "reason": said}
        fields = {"rollbackReason": said, "failedChecks": self.decision.failed_checks}
        await self._write(journal.model_copy(update=update), f"Rolling {self.ref.version} back: {said}", **fields)
        await leave_event(self.scene.canary, "FlagsNotSwitchedOff", said, warning=True)
        return StageResult(reason=said)

    async def _write(self, journal: FlagsStatus, said: str, **fields: object) -> None:
        phase = self.scene.canary.status.phase or Phase.PROGRESSING
        patch = entry(self.scene.canary, time.time(), phase, said, flags=flags_entry(journal), **fields)
        await self.scene.write(patch)
