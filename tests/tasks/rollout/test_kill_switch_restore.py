"""Giving flags back: all of them, and none that somebody else has changed since."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import TransientError
from sluice.flags.flag import FALSE
from sluice.manifests.flagger.phase import Phase
from tasks.rollout.kill_switch.restore import Restored, restore
from tasks.rollout.kill_switch.switch_flags_off import switch_flags_off
from tests.connected import connected
from tests.peopled_flags import serving
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import Stage, parts
from tests.tasks.rollout.test_kill_switch import AT_30, bad, events_of, flags_of
from tests.virtual_time import in_no_time


def switched(play: Any, *flags: str) -> Stage:
    """A release whose flags were switched off, and which is over."""
    stage = bad(*flags)
    play(stage, switch_flags_off, **AT_30)
    stage.change("Canary", NAME, {"status": {"phase": Phase.FAILED}})
    stage.flags.turns.clear()
    return stage


def gives_back(stage: Stage, *, anyway: bool = False) -> list[Restored]:
    async def it() -> list[Restored]:
        async with connected(stage.cluster, **parts(stage)):
            return await restore(NAMESPACE, NAME, anyway=anyway)

    return list(in_no_time(it))


def test_flags_are_given_back_and_the_journal_forgets_them(play: Any) -> None:
    """Once: nothing is left to do the second time."""
    stage = switched(play, "checkout", "search")
    assert gives_back(stage) == [Restored("checkout", "given back"), Restored("search", "given back")]
    assert stage.flags.turns == ["checkout restore", "search restore"]
    assert not flags_of(stage).get("off")
    assert events_of(stage)[-2:] == [("Normal", "FlagGivenBack")] * 2
    assert gives_back(stage) == []


def test_a_flag_that_somebody_changed_since_is_left(play: Any) -> None:
    """It stays in the journal until a person wants it back nevertheless."""
    stage = switched(play, "checkout", "search")
    stage.flags.by_hand("checkout", FALSE)
    first, second = gives_back(stage)
    assert (first.key, first.kept, second) == ("checkout", True, Restored("search", "given back"))
    assert "was changed by somebody else since: --anyway" in first.said
    assert [one["key"] for one in flags_of(stage)["off"]] == ["checkout"]
    assert ("Warning", "FlagNotGivenBack") in events_of(stage)
    assert gives_back(stage, anyway=True) == [Restored("checkout", "given back")]
    assert stage.flags.is_on("checkout")


def test_a_flag_that_somebody_gave_back_is_only_forgotten(play: Any) -> None:
    """In the service's own UI."""
    stage = switched(play, "checkout")
    stage.flags.by_hand("checkout", "true")
    stage.flags.turns.clear()
    assert gives_back(stage) == [Restored("checkout", "is as it was already")]
    assert stage.flags.turns == []
    assert not flags_of(stage).get("off")


def test_a_flag_of_which_nobody_knows_who_turned_it_is_left(play: Any) -> None:
    """The worker died between the service's answer and the journal, and the service says nothing of who it was."""
    stage = switched(play, "checkout")
    (entry,) = flags_of(stage)["off"]
    stage.change("Canary", NAME, {"status": {"flags": {"off": [{**entry, "after": {}}]}}})
    stage.flags.states["checkout"] = serving(FALSE, 99)
    (left,) = gives_back(stage)
    assert left.kept
    assert "whether by sluice or by a person is not known" in left.said


def test_a_service_that_is_away_is_said_and_nothing_is_forgotten(play: Any) -> None:
    """The next try gives them back."""
    stage = switched(play, "checkout")
    stage.flags.away = True
    (left,) = gives_back(stage)
    assert left.kept
    assert "does not answer" in left.said
    stage.flags.away = False
    assert gives_back(stage) == [Restored("checkout", "given back")]


def test_a_release_that_is_under_way_keeps_its_flags(play: Any) -> None:
    """Its recovery may be what they are off for."""
    stage = switched(play, "checkout")
    stage.change("Canary", NAME, {"status": {"phase": Phase.PROGRESSING}})
    with pytest.raises(TransientError, match="a release of Canary shop-test/shop is under way"):
        gives_back(stage)
    assert stage.flags.turns == []
