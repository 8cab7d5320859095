"""A life whose new revisions are bad as long as their flag is on, and what holds of the flag whatever people do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.manifests.flagger.kill_switch import SwitchState
from tests.laws.life import Life
from tests.laws.people import IMAGES
from tests.peopled_flags import SERVICE
from tests.samples import NAME, NAMESPACE, merged

FLAG, THEIRS = "checkout", "theirs"
FORGETTING = ("lose the Canary's status", "make the Canary again", "delete the Canary", "collect", "mended")
"""What takes the journal away, or may: what was in it nobody knows any more."""


@dataclass
class FlaggedLife(Life):
    """A life with a kill switch.

    Attributes:
        cured: whether turning the flag off helps.
        shown: whether the last answer of the metrics was good.
        switched_at: the moment of the first turn; 0 where there was none.
    """

    cured: bool = True
    shown: bool = False
    switched_at: int = 0
    _state: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.flags.add(FLAG, THEIRS)
        self.flags.hooks.append(self._at_a_turn)
        switch = {"service": SERVICE, "flags": [FLAG], "within": "30s"}
        canary = self.town.now("Canary", NAME, NAMESPACE)
        self.town.add(merged(canary, {"spec": {"analysis": {"killSwitch": switch}}}))

    @property
    def forgotten(self) -> bool:
        """Whether people have taken the journal away."""
        return any(one.startswith(FORGETTING) for one in self.happened)

    def _at_a_turn(self, when: str, wish: str, key: str) -> None:
        self.switched_at = self.switched_at or self.moment
        if when == "before":
            journal = self.status.get("flags") or {}
            if (wish, key) != ("off", FLAG):
                self.blame(f"{key} was turned {wish}")
            if journal.get("state") != SwitchState.SWITCHING and not self.forgotten:
                self.blame("a flag is turned without an intent in the journal")
        self.pass_on(when, "Flag")

    def _law(self, when: str, verb: str, item: dict[str, Any]) -> None:
        super()._law(when, verb, item)
        if when == "before":
            return
        journal = self.status.get("flags") or {}
        if self.flags.states[FLAG].switched_off and not self.forgotten and not journal.get("off"):
            self.blame("a flag is left off, and the journal does not say so")
        state, self._state = self._state, journal.get("state")
        if self._state == SwitchState.RECOVERED != state and not self.shown:
            self.blame("a release goes on whose evidence did not recover")
        if not self.flags.is_on(THEIRS):
            self.blame("somebody else's flag was turned")

    async def value(self, query: str) -> float | None:
        target = self.find(self.kind)
        image = target and target["spec"]["template"]["spec"]["containers"][0]["image"]
        sick = image == IMAGES[1] and (self.flags.is_on(FLAG) or not self.cured)
        self.shown = not sick
        return 0.0 if sick else await super().value(query)
