"""Switching flags off and watching what comes of it: what is asked of the service, when, and what the journal says."""

from __future__ import annotations

import time
from typing import Any

import jsonschema
import pytest

from sluice.errors import TransientError
from sluice.flags.flag import FALSE, FlagState, Served
from sluice.manifests.crd import crds
from sluice.notices.message import Occasion
from sluice.rollout.kill_switch.named import ANNOTATION
from sluice.rollout.strategies.base import Traffic
from tasks.rollout.kill_switch.switch_flags_off import switch_flags_off
from tasks.rollout.kill_switch.watch_recovery import watch_recovery
from tasks.rollout.scale_up import scale_up
from tests.peopled_flags import SERVICE, serving
from tests.samples import NAME, success_rate
from tests.tasks.conftest import Stage, staged

BAD = "half of the requests fail"
AT_30 = {"step": 1, "traffic": Traffic(30), "reason": BAD}


def bad(*flags: str, **switch: Any) -> Stage:
    """A release at 30 % that the judge finds bad, and whose flags are on."""
    asked = {"service": SERVICE, "flags": list(flags), "within": "30s", **switch}
    analysis = {"interval": "600s", "metrics": [success_rate(99)], "killSwitch": asked}
    stage = staged({"analysis": analysis}, stepStarted=time.time())
    metrics = {"request-success-rate": {"seen": {"requests": 40, "bad": 24}, "evidence": {"allowed": 0.01}}}
    evidence = {"revision": stage.ref.revision, "since": time.time() - 20, "metrics": metrics}
    stage.change("Canary", NAME, {"status": {"evidence": evidence}})
    stage.flags.add("checkout", "search", "theirs")
    return stage


def flags_of(stage: Stage) -> dict[str, Any]:
    return dict(stage.status["flags"])


def watching(*flags: str, **switch: Any) -> Stage:
    """The same a moment after its flags went off."""
    stage = bad(*flags, **switch)
    now = time.time()
    for key in flags:
        stage.flags.states[key] = serving(FALSE, 9, switched_off=True)
    journal = {
        "revision": stage.ref.revision,
        "state": "watching",
        "reason": BAD,
        "since": now,
        "until": now + 14,
        "failing": [{"name": "request-success-rate", "requests": 40, "bad": 24}],
        "off": [
            {"key": key, "service": SERVICE, "environment": "production", "revision": stage.ref.revision}
            for key in flags
        ],
    }
    evidence = {"revision": stage.ref.revision, "since": now, "metrics": None}
    stage.change("Canary", NAME, {"status": {"flags": journal, "evidence": evidence}})
    return stage


def events_of(stage: Stage) -> list[tuple[str, str]]:
    """Type and reason of each Event about the Canary, in the order in which they came."""
    found = [one for (kind, _, _), one in stage.cluster.objects.items() if kind == "Event"]
    assert {one["involvedObject"]["name"] for one in found} <= {NAME}
    return [(one["type"], one["reason"]) for one in found]


def test_what_is_done_is_in_events_of_the_canary(play: Any) -> None:
    """What `kubectl describe` shows: that flags went off, and what became of it."""
    stage = bad("checkout")
    play(stage, switch_flags_off, **AT_30)
    assert events_of(stage) == [("Warning", "FlagsSwitchedOff")]
    play(stage, watch_recovery, **AT_30)
    assert events_of(stage)[1:] == [("Normal", "RecoveredWithFlagsOff")]


def test_a_service_that_is_away_is_in_an_event_too(play: Any) -> None:
    """With the reason for the way home."""
    stage = bad("checkout")
    stage.flags.away = True
    play(stage, switch_flags_off, **AT_30)
    assert events_of(stage) == [("Warning", "FlagsNotSwitchedOff")]


def test_the_flags_of_the_revision_go_off_and_no_others(play: Any) -> None:
    """The state before and after of each is in the journal, with what was counted, and the evidence begins once more."""
    stage = bad("checkout", "search")
    before = stage.flags.states["checkout"]
    result = play(stage, switch_flags_off, failed_checks=1, **AT_30)
    assert stage.flags.turns == ["checkout off", "search off"]
    journal = flags_of(stage)
    assert (journal["state"], journal["reason"]) == ("watching", BAD)
    assert [one["key"] for one in journal["off"]] == ["checkout", "search"]
    assert FlagState.model_validate(journal["off"][0]["before"]) == before
    assert FlagState.model_validate(journal["off"][0]["after"]) == stage.flags.states["checkout"]
    assert journal["failing"] == [{"name": "request-success-rate", "requests": 40, "bad": 24}]
    assert journal["until"] == journal["since"] + 30
    assert stage.status["evidence"]["since"] == journal["since"]
    assert not stage.status["evidence"].get("metrics")
    assert stage.status["failedChecks"] == 1
    assert stage.route.weights[NAME] == 30
    assert result.news is Occasion.FLAGS_OFF
    assert result.facts["Flags"] == "checkout, search"


def test_the_intent_is_in_the_journal_before_the_service_is_asked(play: Any) -> None:
    """Each flag with its state before."""
    stage, seen = bad("checkout", "search"), []
    stage.flags.hooks.append(lambda when, wish, key: seen.append((when, key, flags_of(stage)["state"])))
    play(stage, switch_flags_off, **AT_30)
    assert [one for one in seen if one[0] == "before"] == [
        ("before", key, "switching") for key in ("checkout", "search")
    ]


def away(stage: Stage) -> None:
    stage.flags.away = True


def slow(stage: Stage) -> None:
    stage.flags.slow = 60.0


def locked(stage: Stage) -> None:
    stage.flags.refuses.add("search")


def moved(stage: Stage) -> None:
    """A person turns a flag right after its state was read."""
    stage.flags.hooks.append(
        lambda when, wish, key: stage.flags.by_hand("search", "true") if (when, key) == ("before", "checkout") else None
    )


def off_already(stage: Stage) -> None:
    for key in ("checkout", "search"):
        stage.flags.by_hand(key, FALSE)


def unknown(stage: Stage) -> None:
    stage.flags.states.clear()


def by_rules(stage: Stage) -> None:
    """A service whose switch does not reach the rules."""
    turn = stage.flags.turn

    async def half(key: str, environment: str, wish: Any, seen: FlagState) -> FlagState:
        state = await turn(key, environment, wish, seen)
        return state.model_copy(update={"served": Served(rules=True)})

    stage.flags.turn = half  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (away, "the flag service does not answer"),
        (slow, "did not answer within 3 s"),
        (locked, "search: flag search is locked"),
        (moved, "search: flag search was changed by somebody else"),
        (off_already, "checkout was off already; search was off already"),
        (unknown, "checkout is not in the service; search is not in the service"),
        (by_rules, "checkout is still by rules"),
    ],
)
def test_what_keeps_flags_from_going_off_sends_the_release_home(play: Any, trouble: Any, said: str) -> None:
    """The way home is in the journal by the end of the stage, with the judge's reason and why."""
    stage = bad("checkout", "search")
    trouble(stage)
    play(stage, switch_flags_off, failed_checks=1, **AT_30)
    assert stage.status["rollbackReason"].startswith(f"{BAD}; its flags could not be switched off: ")
    assert said in stage.status["rollbackReason"]
    assert flags_of(stage)["state"] == "not recovered"
    journaled = {one["key"] for one in flags_of(stage).get("off", [])}
    assert {key for key, state in stage.flags.states.items() if state.switched_off} <= journaled


def test_a_flag_that_is_not_there_does_not_keep_the_others(play: Any) -> None:
    """A misspelt key in an annotation is no reason to roll a service back."""
    stage = bad("checkout", "chekout")
    play(stage, switch_flags_off, **AT_30)
    assert flags_of(stage)["state"] == "watching"
    assert stage.flags.turns == ["checkout off"]


def test_a_worker_that_takes_over_turns_what_is_still_on(play: Any) -> None:
    """The intent names both; one is off already, and by the journal that was wanted."""
    stage = bad("checkout", "search")

    def dies(when: str, wish: str, key: str) -> None:
        if (when, key) == ("before", "search"):
            stage.flags.hooks.clear()
            raise KeyboardInterrupt

    stage.flags.hooks.append(dies)
    with pytest.raises(KeyboardInterrupt):
        play(stage, switch_flags_off, **AT_30)
    assert (flags_of(stage)["state"], stage.flags.turns) == ("switching", ["checkout off"])
    play(stage, switch_flags_off, **AT_30)
    assert stage.flags.turns == ["checkout off", "search off"]
    assert flags_of(stage)["state"] == "watching"
    assert all(one["after"]["switched_off"] for one in flags_of(stage)["off"])


def test_a_release_whose_requests_are_good_since_goes_on(play: Any) -> None:
    """With its step from the start, and no failed check; people get the numbers and the way to give the flags back."""
    stage = watching("checkout")
    result = play(stage, watch_recovery, failed_checks=2, **AT_30)
    assert result.recovered
    assert flags_of(stage)["state"] == "recovered"
    assert "rollbackReason" not in stage.status
    assert (stage.status["failedChecks"], stage.status["canaryWeight"]) == (0, 30)
    assert result.news is Occasion.RECOVERED
    assert "24 of 40 before" in result.reason
    assert result.facts["Give back"] == "sluice flags restore shop.shop-test"


def test_a_release_that_fails_on_goes_home_within_its_time(play: Any) -> None:
    """As soon as what is left of it cannot show anything else."""
    stage = watching("checkout")
    stage.metrics.fails = 0.5
    play(stage, watch_recovery, failed_checks=2, **AT_30)
    assert flags_of(stage)["state"] == "not recovered"
    assert stage.status["rollbackReason"].startswith(f"{BAD}; checkout switched off, and not recovered ")
    assert stage.route.weights[NAME] == 30


def test_a_provider_that_is_away_shows_no_recovery(play: Any) -> None:
    """Nothing is known of the revision: it goes home when its time is over."""
    stage = watching("checkout")
    stage.metrics.error = TransientError("Prometheus does not answer")
    play(stage, watch_recovery, **AT_30)
    assert "Prometheus does not answer" in stage.status["rollbackReason"]


def test_what_is_not_the_judge_s_ends_the_watching(play: Any) -> None:
    """A newer revision: nothing is written, and it is decided once more."""
    stage = watching("checkout")
    stage.push()
    result = play(stage, watch_recovery, **AT_30)
    assert not result.recovered
    assert flags_of(stage)["state"] == "watching"
    assert "rollbackReason" not in stage.status


def test_the_annotations_of_the_target_are_read_while_its_pods_come_up(play: Any) -> None:
    """Of the workload and of its pods: once for each release."""
    stage = bad(flags=[])
    stage.change("Deployment", NAME, {"metadata": {"annotations": {ANNOTATION: "checkout, search"}}})
    play(stage, scale_up, **AT_30)
    assert [(one["key"], one["by"]) for one in flags_of(stage)["named"]] == [
        ("checkout", "Deployment shop"),
        ("search", "Deployment shop"),
    ]
    play(stage, switch_flags_off, **AT_30)
    assert stage.flags.turns == ["checkout off", "search off"]


@pytest.mark.parametrize("away", [False, True])
def test_the_flag_service_is_met_while_the_pods_come_up(away: bool, play: Any) -> None:
    """So that no repository has to be brought when users wait; a service that is away holds no release."""
    stage = bad("checkout")
    stage.flags.away = away
    assert play(stage, scale_up, **AT_30).scaled
    assert stage.flags.asked == ["checkout"]
    assert not stage.flags.turns


def test_the_api_server_keeps_each_entry_as_it_is_written(play: Any) -> None:
    """By the definition of the kind that sluice installs, which refuses a status of another form."""
    (version,) = next(one for one in crds() if one["spec"]["names"]["kind"] == "Canary")["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    stage = bad("checkout", service={**SERVICE, "timeout": "2s", "secretRef": {"name": "flipt"}})
    written = []

    def validated(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, item["kind"]) == ("after", "Canary"):
            jsonschema.validate(item["status"], schema)
            written.append(item["status"]["flags"]["state"])

    stage.cluster.hooks.append(validated)
    play(stage, switch_flags_off, **AT_30)
    assert flags_of(stage)["off"][0]["service"]["secretRef"] == {"name": "flipt"}
    play(stage, watch_recovery, **AT_30)
    assert flags_of(stage)["state"] == "recovered"
    assert written == ["switching", "watching", "recovered"]
