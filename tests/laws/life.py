"""A rollout's life among people: what happens at planned moments, and the laws that are checked at each write."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from blocks.gates.base import Answer
from sluice.gates.points import POINTS
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.objects import REVISION_ANNOTATION
from tasks.run_signals import RunSignals
from tests.laws import gates
from tests.laws.events import EVENTS
from tests.laws.people import IMAGES, PEOPLE, PRIMARY, clear_the_way, thaw
from tests.laws.town import clock
from tests.laws.world import AUTOSCALER, TEMPLATE, World
from tests.peopled_flags import MemoryFlags
from tests.samples import NAME, NAMESPACE, canary_manifest, copied

NOTHING_LEFT = "no longer has the promoted revision"
"""What the Canary says of a primary that cannot be made again; it says as well what people can do."""
UNSEEN = 3
"""Moments after something happened at which a write may still rest on what was so before."""
NEWS = 0.01
"""Seconds that the news of a change takes: this cluster answers in no time, and so a stage may be through before it."""
ALIKE = 12
"""Writes in a row that say the same and change nothing of what they are about: a loop."""
ROUNDS = (1, 2, 3, 4)
"""So many writes may go round together: two that undo each other are a loop as well."""

CLOCKS = {"stepStarted", "evidence"}
"""What of a journal goes on by itself."""


@dataclass
class Life(World):
    """What happens in a world, by planned moments.

    Attributes:
        plan: what happens at which moment; a write has two, before it and after it, and each turn of a run has one.
        answers: what metrics and gates say next; good where nothing is left.
        judged: how often each revision passed its check.
        blamed: what went wrong in a write of sluice's.
        happened: each event with what was written before it.
        quiet: turns since the last event.
        struck_at: when it was, by the loop's clock.
        signals: of the run that is carried.
        stop: cancels its code; None while there is none.
        retry: a person wants the next run to try a refused revision.
        leaves: the process was asked to stop.
    """

    plan: dict[int, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    moment: int = 0
    judged: Counter[str] = field(default_factory=Counter)
    blamed: list[str] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)
    quiet: int = 0
    struck_at: float = 0.0
    signals: RunSignals = field(default_factory=RunSignals)
    stop: Any = None
    retry: bool = False
    leaves: bool = False
    flags: MemoryFlags = field(default_factory=MemoryFlags)
    _before: frozenset[str] = frozenset()
    _given: dict[str, int] = field(default_factory=dict)
    _new: bool = True
    _struck: int = -10
    _acts: int = 0
    _deeds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._strangers = self.strangers()
        self.town.hooks += [self._law, self._happens]

    # --- the laws at each write -------------------------------------------------------------------------------------

    def _law(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if when == "before":
            self._before, self._new = self.troubles(), self.status.get("phase") in {None, Phase.INITIALIZING}
            self._given = self.given()
            return
        self._given_is_kept(verb)
        self._worse_for_users(verb, item)
        if self.strangers() != self._strangers:
            self.blame(f"{verb} {item['kind']} touched what is somebody else's")
            self._strangers = self.strangers()
        self._journal_is_what_was_made()
        self._no_loop(item)
        self._promoted_when_judged(item)

    def blame(self, what: str) -> None:
        """Note a broken law. It is not raised: sluice would take it for a fault of its own, and carry on."""
        self.blamed.append(f"{what} (moment {self.moment}, after {self.town.acts[-3:]})")

    def _worse_for_users(self, verb: str, item: dict[str, Any]) -> None:
        worse = frozenset() if self._new else self.troubles() - self._before
        # Who was badly served at a Service before may be so in another way until all is put right.
        worse = frozenset(one for one in worse if not any(_where(one) == _where(was) for was in self._before))
        unseen = self.moment - self._struck <= UNSEEN or clock() <= max(self.town.late_until, self.struck_at + NEWS)
        if worse and not unseen:
            self.blame(f"{verb} {item['kind']} {item.get('metadata', {}).get('name')}: {sorted(worse)}")

    def _given_is_kept(self, verb: str) -> None:
        """No write takes pods away that a person or an autoscaler gave; but the target's all at once, at the end."""
        for name, pods in self.given().items():
            rests = name == NAME and pods == 0
            before = self._given.get(name, 0)
            # What happened right before a write is not yet known to it in this cluster, whose fence it has passed.
            met = self._struck == self.moment
            if pods < before and not rests and not met:
                self.blame(f"{verb}: {name} goes from {before} to {pods} pods")

    def _journal_is_what_was_made(self) -> None:
        if self._new and self.status.get("phase") == Phase.INITIALIZED:
            primary = self.find(self.kind, PRIMARY)
            given = (primary or {}).get("metadata", {}).get("annotations", {}).get(REVISION_ANNOTATION)
            if given not in {None, self.status["lastPromotedSpec"]}:
                self.blame("the journal is not what was made")

    def _promoted_when_judged(self, item: dict[str, Any]) -> None:
        ahead = bool(gates.said(self.town).promoted)
        if item["kind"] == "Canary" and self.status.get("phase") == Phase.PROMOTING and (self.skipped() or ahead):
            # Decided while people wanted no analysis; that they want it again does not undo a promotion under way.
            self.judged[self.status.get("lastAppliedSpec", "")] = True
        promoting = item["kind"] == self.kind and item["metadata"]["name"] == PRIMARY
        if promoting and self.status.get("phase") == Phase.PROMOTING:
            given = (item["metadata"].get("annotations") or {}).get(REVISION_ANNOTATION, "")
            if given != self.status.get("lastPromotedSpec") and not self.judged[given] and not self.skipped():
                self.blame("promoted without being judged")

    def _no_loop(self, item: dict[str, Any]) -> None:
        # A suspended release is judged on: an entry of the journal for each interval.
        held = self.suspended() or bool(gates.said(self.town).paused) or gates.is_frozen(self.town)
        judged_on = item["kind"] == "Canary" and held
        self._deeds.append(f"{self.town.acts[-1]} {_lasting(item.get('status')) if item['kind'] == 'Canary' else ''}")
        since = self._deeds[self._acts :]
        if not judged_on and any(_goes_round(since, together) for together in ROUNDS):
            self.blame("an act is repeated without an effect")

    # --- what happens -------------------------------------------------------------------------------------------------

    def _happens(self, when: str, verb: str, item: dict[str, Any]) -> None:
        self.pass_on(when, item["kind"])

    def pass_on(self, when: str = "", kind: str = "") -> None:
        """A moment passes: what is planned for it happens.

        Args:
            when: "before" or "after" where the moment is a write's.
            kind: of the object that is written.
        """
        self.moment += 1
        event = self.plan.pop(self.moment, "")
        if not event:
            return
        self.quiet, self.struck_at = 0, clock()
        self._struck, self._acts = self.moment, len(self._deeds)
        self.happened.append(f"{event} (after {self.town.acts[-1] if self.town.acts else 'nothing'})")
        if event in PEOPLE:
            PEOPLE[event](self.town, self.kind)
            self._strangers = self.strangers()
            self.learn_image()
        else:
            EVENTS[event](self, when, kind)
        self._before = self.troubles()

    def next_thing(self) -> bool:
        """Nothing is under way: what is planned next happens now. False where nothing is left."""
        if not self.plan:
            return False
        self.moment = min(self.plan) - 1
        self.pass_on()
        return True

    def what_it_waits_for_comes(self) -> bool:
        """A run that waits for people says for what; then they do it. False where it waits for nothing of theirs."""
        waits = [(words, event) for waits, words, event in self._waits() if waits]
        said = self.said()
        event = next((event for words, event in waits if words in said), "")
        assert event or not waits, f"it waits and does not say for any of {[words for words, _ in waits]}: {said}"
        if event:
            self.plan[self.moment + 1] = event
        return bool(event) and self.next_thing()

    def _waits(self) -> list[tuple[bool, str, str]]:
        """Whether a run waits for people, what it has to say then, and what ends that."""
        target, said = self.find(self.kind), self.said()
        image = target and target["spec"]["template"]["spec"]["containers"][0]["image"]
        # A primary is made of the target, or a Canary that goes gives the users back to it.
        needed = self.status.get("phase") in {Phase.INITIALIZING, Phase.TERMINATING}
        broken = needed and image in self.town.broken_images
        return [
            (self.signals.paused, "", "resume"),
            (self.suspended(), "suspend", "unsuspend"),
            (bool(gates.said(self.town).paused) and gates.PAUSED in said, gates.PAUSED, "ask to resume"),
            (gates.WAITS in said, gates.WAITS, "approve all"),
            (gates.is_frozen(self.town) and gates.FROZEN in said, gates.FROZEN, "thaw"),
            (broken, "did not become ready", "push 0"),
            (self.in_the_way(), "belongs to", "clear the way"),
            (self.invalid(), "", "edit the Canary back"),
            (target is None, "does not exist", "make the target"),
            (self.kept_back(), "use RollingUpdate", "apply the target whole"),
            (self.find(self.kind, PRIMARY) is None and NOTHING_LEFT in said, NOTHING_LEFT, "lose the Canary's status"),
        ]

    def said(self) -> str:
        """What the Canary's conditions say."""
        return "; ".join(one["message"] for one in self.status.get("conditions") or [])

    def mend(self) -> None:
        """People put right what they did: a valid Canary that is not suspended, a target that works, nobody in the way."""
        clear_the_way(self.town, self.kind)
        gates.remove(self.town, self.kind)
        gates.thaw(self.town, self.kind)
        PEOPLE["ask to resume"](self.town, self.kind)
        self._strangers = self.strangers()
        self.town.collect()
        self.town.add(copied(TEMPLATE), *([copied(AUTOSCALER)] if self.autoscaled else []))
        canary, target = self.find("Canary"), self.find(self.kind)
        if canary is not None and canary["metadata"].get("deletionTimestamp"):
            self.town.add({**canary, "metadata": {**canary["metadata"], "finalizers": []}})
            self.town.collect()
            canary = None
        fresh = World(self.provider, self.kind, self.autoscaled)
        spec = fresh.town.now("Canary", NAME, NAMESPACE)["spec"]
        spec["service"]["port"] = ((canary or {}).get("spec") or spec)["service"]["port"]
        meta = {"name": NAME, "namespace": NAMESPACE}
        self.town.add({**canary, "spec": spec} if canary else {**canary_manifest(spec), "metadata": meta})
        if target is None:
            PEOPLE["make the target"](self.town, self.kind)
        # One whose first release was cancelled waits for another revision.
        cancelled = self.status.get("phase") == Phase.FAILED and not self.status.get("lastPromotedSpec")
        refused = cancelled and self.images.get(self.status.get("lastAppliedSpec", "")) == IMAGES[0]
        PEOPLE["push 1" if refused else "push 0"](self.town, self.kind)
        thaw(self.town, self.kind)
        self.learn_image()
        self.signals.paused = False
        self.happened.append("mended")
        self._before = self.troubles()

    def stops(self) -> None:
        """The code of the run that is carried is cancelled."""
        if self.stop is not None:
            self.stop()

    # --- what is asked --------------------------------------------------------------------------------------------------

    def _answer(self, good: str, bad: str) -> str:
        return self.answers.pop() if self.answers and self.answers[-1] in {good, bad} else good

    def now(self) -> float:
        return time.time()

    async def value(self, query: str) -> float | None:
        said = self._answer("good", "bad")
        if said == "good":
            self.judged[self.status.get("lastAppliedSpec", "")] += 1
        return {"good": 1.0, "bad": 0.0}[said]

    async def ask(self, webhook: Any, canary: Any) -> Answer:
        if not POINTS[webhook.type].when.holds:
            said = self._answer("silent", "heard" if webhook.type == "rollback" else "deaf")
            await asyncio.sleep(45 if said == "deaf" else 0)
            return Answer(gate=webhook.name, open=said == "heard", said=said)
        said = self._answer("open", "closed")
        return Answer(gate=webhook.name, open=said == "open", said=said)


def _goes_round(deeds: list[str], together: int) -> bool:
    """Whether the last of them are the same few again and again."""
    last = deeds[-ALIKE * together :]
    return len(last) == ALIKE * together and last[together:] == last[:-together]


def _where(trouble: str) -> str:
    return trouble.partition(" meet ")[0]


def _lasting(status: Any) -> Any:
    """A journal without its times."""
    if isinstance(status, dict):
        return {key: _lasting(value) for key, value in status.items() if "Time" not in key and key not in CLOCKS}
    return [_lasting(value) for value in status] if isinstance(status, list) else status
