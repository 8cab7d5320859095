"""A release's verdict is given again bit for bit from what was kept of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.judge.policy import Policy
from sluice.judge.sequential import Look
from sluice.judge.verdict import Verdict
from sluice.replay.recording import Recorder, Recording, Release, replay
from tests.sluice.judge.traffic import DURATION, SUCCESS, Block, Watch

COUNT = st.integers(0, 60)
BLOCKS = st.lists(
    st.tuples(COUNT, COUNT, COUNT, COUNT).map(lambda four: (four[0], min(four[:2]), four[2], min(four[2:]))),
    max_size=10,
)


class Recorded(Watch):
    """A judge whose looks are taken down, as the stage that analyses does."""

    def begin(self, weight: int) -> None:
        self.weight, self.step_started = weight, self.now
        self.recorder = Recorder(weight, self.state, self.objectives, self.policy)
        self.said: list[tuple[float, object]] = []

    def look(self, look: Look) -> object:  # type: ignore[override]
        before = self.state
        said = super().look(look)
        self.recorder.note(look, before, self.state)
        self.said.append((look.now, said))
        return said


@settings(max_examples=30)
@given(BLOCKS, BLOCKS, st.lists(st.sampled_from([0.4, 3.0, 70.0]), max_size=4), st.booleans())
def test_the_words_of_then_are_given_again(
    first: list[Block], then: list[Block], silence: list[float], interleave: bool
) -> None:
    """Each look that is kept gets the word that it got, the last one among them, over steps and silence."""
    watch = Recorded(Policy(interleave=interleave), (SUCCESS, DURATION))
    packed, said = [], []
    for weight, blocks in ((10, first), (30, then)):
        watch.begin(weight)
        for block in blocks:
            watch.see(block)
        for seconds in silence:
            watch.blind(seconds)
        packed.append(watch.recorder.packed())
        said += watch.said
    words = dict(said)
    again = list(replay([Recording.unpacked(one) for one in packed]))
    for one in again:
        assert one.judgement == words[one.at]
    failed = [at for at, word in said if word.verdict is Verdict.FAIL]  # type: ignore[attr-defined]
    last = failed[0] if failed else (said[-1][0] if said else None)
    assert (again[-1].at if again else None) == last


def test_looks_that_only_moved_the_clock_are_not_kept_but_for_the_last() -> None:
    """A service without requests is looked at twice a second: an hour of it must not weigh more than its traffic."""
    watch = Recorded()
    watch.begin(10)
    watch.see((20, 0, 180, 0))
    for _ in range(50):
        watch.blind(0.4)
    looks = Recording.unpacked(watch.recorder.packed()).looks
    assert [look.now for look in looks] == [2.0, watch.now]


def test_another_policy_is_tried_on_the_same_looks() -> None:
    """One that asks for more evidence takes a release back later, and is not misled by the memory of the first."""
    watch = Recorded()
    packed: tuple[str, ...] = ()
    for weight in (10, 30):
        watch.begin(weight)
        for _ in range(20):
            watch.see((20, 1, 180, 0))
        packed += (watch.recorder.packed(),)
    release = Release(release="shop.test@1.1.0", outcome="rolled back", recordings=packed)
    ends = {alpha: list(replay(release.steps(), Policy(alpha=alpha)))[-1].at for alpha in (0.05, 0.001, 0.00001)}
    assert ends[0.05] < ends[0.001] < ends[0.00001]
    assert Release.parse(release.model_dump_json()) == release


@pytest.mark.parametrize("text", ["", "shop", "eJw=", "!!"])
def test_what_is_no_recording_is_refused(text: str) -> None:
    """With an error that says so, whatever it is instead."""
    with pytest.raises(InvalidError, match="not a recording"):
        Recording.unpacked(text)
    with pytest.raises(InvalidError, match="not a recorded release"):
        Release.parse(text)
