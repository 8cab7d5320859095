"""What holds of every release with a kill switch, whatever happens: the laws of all releases, and those of its flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sluice.manifests.flagger.kill_switch import SwitchState
from sluice.manifests.flagger.phase import Phase
from sluice.measures.series import Selector, Series
from sluice.rollout.decision import Outcome
from sluice.rollout.kill_switch.named import ANNOTATION
from tests.flows.test_roll_out_laws import OWN, Crash, World, live
from tests.hurry import hurry
from tests.peopled_flags import SERVICE, MemoryFlags
from tests.samples import NAME, NAMESPACE, counted_at, merged, success_rate
from tests.virtual_time import in_no_time

FLAGS, THEIRS = ("checkout", "search"), "theirs"
WITHIN, CACHE = 30.0, 4.0
OPEN = {SwitchState.SWITCHING, SwitchState.WATCHING}


@dataclass
class Flagged(World):
    """A world whose revisions fail while a flag is on, and the laws of what is done to its flags.

    Attributes:
        counted: the failing is counted in requests, of which users of the canary have some; else a query says it.
        cured: whether turning the flags off helps.
        flags: the service; its writes are moments at which something may happen too.
        off_at: when the flags were off, by the provider's clock.
        shown: whether the last look at the metrics found users of the canary well served.
        state: of the kill switch, as the journal had it last.
    """

    counted: bool = False
    cured: bool = True
    flags: MemoryFlags = field(default_factory=MemoryFlags)
    off_at: float = 0.0
    shown: bool = False
    state: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.flags.add(*FLAGS, THEIRS)
        self.flags.hooks += [self.flag_laws, self._turns]
        switch = {"service": SERVICE, "flags": [FLAGS[0]], "within": f"{WITHIN:g}s"}
        analysis: dict[str, Any] = {"killSwitch": switch}
        if self.counted:
            analysis |= {"metrics": [OWN, success_rate(99)], "interval": "20s"}
        now = self.cluster.now("Canary", NAME, NAMESPACE)
        self.cluster.add(
            merged(now, {"spec": {"analysis": analysis}, "metadata": {"annotations": {ANNOTATION: FLAGS[1]}}})
        )

    # --- the laws -----------------------------------------------------------------------------------------------------

    @property
    def journal(self) -> dict[str, Any]:
        return self.status.get("flags") or {}

    def flag_laws(self, when: str, wish: str, key: str) -> None:
        """Before each turn: by the journal's word, for the revision under way, from the state that the journal has."""
        if when != "before":
            return
        assert (wish, key != THEIRS) == ("off", True), f"{key} was turned {wish}"
        assert self.journal["state"] == SwitchState.SWITCHING, "a flag is turned without an intent in the journal"
        assert self.journal["revision"] == self.status["lastAppliedSpec"]
        (entry,) = (one for one in self.journal["off"] if one["key"] == key)
        assert entry["before"]["served"]["everybody"] == "true"
        assert not self.status.get("rollbackReason"), "a flag is turned off by a release that goes home"

    def obeys_the_laws(self, when: str, verb: str, item: dict[str, Any]) -> None:
        super().obeys_the_laws(when, verb, item)
        open_ = self.journal.get("state") in OPEN and self.journal["revision"] == self.status["lastAppliedSpec"]
        if when == "before" and verb == "shift" and open_:
            assert item["weight"] == 0, "traffic is raised while a recovery is watched"
        if when == "after" and item["kind"] == "Canary":
            self.kept_only_where_it_recovered()
        self.nothing_is_off_without_the_journal()

    def kept_only_where_it_recovered(self) -> None:
        state, self.state = self.state, self.journal.get("state")
        if self.state == SwitchState.RECOVERED != state:
            assert state == SwitchState.WATCHING
            assert self.shown, "a release goes on whose evidence did not recover"

    def nothing_is_off_without_the_journal(self) -> None:
        journaled = {one["key"] for one in self.journal.get("off", [])}
        off = {key for key in self.flags.states if not self.flags.is_on(key)}
        by_hand = {key for key in off if not self.flags.states[key].switched_off}
        assert off - by_hand <= journaled, "a flag is left off, and the journal does not say so"
        assert self.flags.is_on(THEIRS)

    # --- what happens -------------------------------------------------------------------------------------------------

    def _turns(self, when: str, wish: str, key: str) -> None:
        if when == "after":
            self.off_at = self.now()
        self.happens(when, "turn", {"kind": "Flag", "metadata": {"name": key}})

    def happens(self, when: str, verb: str, item: dict[str, Any]) -> None:
        event = self.plan.get(self.writes + 1, "")
        if event.startswith(("flag", "flags")):
            self.plan[self.writes + 1] = ""
            {
                "flags away": lambda: setattr(self.flags, "away", True),
                "flags slow": lambda: setattr(self.flags, "slow", 60.0),
                "flag on": lambda: self.flags.by_hand(FLAGS[0], "true"),
                "flag off": lambda: self.flags.by_hand(FLAGS[0], "false"),
                "flag locked": lambda: self.flags.refuses.add(FLAGS[1]),
            }[event]()
        super().happens(when, verb, item)

    @property
    def is_cured(self) -> bool:
        return self.cured and not any(map(self.flags.is_on, FLAGS))

    @property
    def sick(self) -> bool:
        """Whether users of the canary are badly served: as long as applications have their flags from before, too."""
        return self.revision in self.bad and not (self.is_cured and self.now() >= self.off_at + CACHE)

    @property
    def bad(self) -> set[str]:
        return {rev for rev in [self.rules.reads.revision(self.workload())] if "shop:3" in self.image}

    @property
    def image(self) -> str:
        return str(self.workload()["spec"]["template"]["spec"]["containers"][0]["image"])

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        """50 requests a second on each side, two seconds a scrape; a canary that is sick fails half of them."""
        grid = [2.0 * tick for tick in range(int(start / 2) + 1, int(end / 2) + 1)]
        began = self.sick_from
        ended = self.off_at + CACHE if self.is_cured and self.off_at else float("inf")

        def failed(at: float) -> float:
            return max(0.0, min(at, ended) - began) * 25 if began else 0.0

        return [
            Series(counted_at("primary", "2"), tuple((at, 50 * at) for at in grid)),
            Series(counted_at("primary", "5"), tuple((at, 0.0) for at in grid)),
            Series(counted_at("canary", "2"), tuple((at, 50 * at - failed(at)) for at in grid)),
            Series(counted_at("canary", "5"), tuple((at, failed(at)) for at in grid)),
        ]

    @property
    def sick_from(self) -> float:
        return float(self.status.get("evidence", {}).get("since") or 0.0) if self.bad else 0.0

    async def value(self, query: str) -> float | None:
        self.shown = not self.sick
        if not self.counted and self.sick:
            return 0.0
        return await super().value(query)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits within a release."""
    hurry(monkeypatch)


def lived(world: Flagged) -> list[Outcome | str]:
    """All of its runs, with the service of its flags."""
    return list(in_no_time(lambda: live(world, flags=world.flags)))


EVENTS = st.sampled_from(
    ["crash", "hiccup", "cancel", "push1", "push2", "flags away", "flags slow", "flag on", "flag off", "flag locked"]
)
PLANS = st.dictionaries(st.integers(8, 70), EVENTS, max_size=5).map(lambda plan: {**plan, 10: "push2"})
WORDS = st.lists(st.sampled_from(["good", "good", "bad", "open", "closed"]), max_size=20)


@given(PLANS, WORDS, st.booleans())
@example({10: "push2"}, [], True)
@example({10: "push2"}, [], False)
def test_whatever_happens_no_flag_is_off_without_the_journal(
    plan: dict[int, str], words: list[str], cured: bool
) -> None:
    """Crashes at each turn too, a service that goes away, people at the flags: every law holds at each write."""
    world = Flagged(dict(plan), list(words), cured=cured)
    lived(world)
    assert world.route.weights[NAME] == 0
    assert Phase(world.status["phase"]) in {Phase.SUCCEEDED, Phase.FAILED, Phase.INITIALIZED}


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize(("cured", "end"), [(True, Outcome.PROMOTED), (False, Outcome.ROLLED_BACK)])
def test_a_bad_feature_is_switched_off_and_its_release_is_kept_where_that_helps(
    counted: bool, cured: bool, end: Outcome
) -> None:
    """Both flags go off, the others stay; the one that helped goes on to its promotion, the other one goes home."""
    world = Flagged({10: "push2"}, [], counted=counted, cured=cured)
    ends = lived(world)
    assert end in ends
    assert world.flags.turns == ["checkout off", "search off"]
    assert world.journal["state"] == (SwitchState.RECOVERED if cured else SwitchState.NOT_RECOVERED)
    assert [one["key"] for one in world.journal["off"]] == list(FLAGS)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_is_killed_at_a_turn_goes_on_right(when: str) -> None:
    """Right before the service has turned a flag, and right after: the next one finds the intent, and turns what is on."""
    world = Flagged({10: "push2"}, [])

    def dies(then: str, wish: str, key: str) -> None:
        if then == when:
            world.flags.hooks.remove(dies)
            raise Crash

    world.flags.hooks.append(dies)
    ends = lived(world)
    assert ends[-3:-1] == ["crash", Outcome.PROMOTED]
    assert sorted(world.flags.turns) == ["checkout off", "search off"]


@pytest.mark.parametrize("trouble", ["flags away", "flags slow", "flag locked"])
def test_a_service_that_does_not_serve_sends_the_release_home_with_the_reason(trouble: str) -> None:
    """Within seconds, for its users suffer meanwhile."""
    world = Flagged({10: "push2", 11: trouble}, [])
    assert Outcome.ROLLED_BACK in lived(world)
    (promoted,) = (one for one in world.status["conditions"] if one["type"] == "Promoted")
    assert "its flags could not be switched off" in promoted["message"]
