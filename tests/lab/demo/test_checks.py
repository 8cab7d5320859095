"""The demo's story is what its exit rests on: each check is said on the page, and one that does not hold fails the demo."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from lab.demo.checks import CHECKS, failed
from lab.demo.flags.page import said_of_killed, said_of_removed
from lab.demo.report import show
from tests.lab.demo.test_report import MACHINE, NEVER, delivery

Document = dict[str, Any]
RUNS = "registry.test/shop:1.1.0@sha256:aa"


def way() -> Document:
    return {"commit": "ab12", "author": "sluice", "push_to_applied_s": 1.1, "runs": RUNS, "git_names": RUNS}


def push(version: str, revision: str) -> Document:
    shown = {"name": "stock", "revision": revision, "status": "deployed", "chart": f"stock-{version}"}
    return {
        "chart": f"stock-{version}",
        "push_to_users_s": 3.2,
        "helm_lists": shown,
        "ready": "True: Helm upgrade succeeded",
        "shop_requests": 400,
        "shop_failed_requests": 0,
    }


def killed() -> Document:
    behind = delivery(
        image="shop:1.5.0", meaning="fails 50 % while new-checkout is on", failed_requests=41, requests=3100
    )
    return {
        **behind,
        "flag": "new-checkout",
        "state": "recovered",
        "why_off": "request-success-rate 51.4 % (18 of 35 requests), objective 99 %",
        "verdict_to_off_s": 0.12,
        "off_to_last_error_s": 0.94,
        "off_at_the_end": True,
    }


def removed() -> Document:
    return {
        "flag": "one-page-checkout",
        "pull_request": "https://forge.test/team/checkout/pull/1",
        "title": "Remove feature flag one-page-checkout: true for everybody",
        "files": ["checkout.go"],
        "lines_removed": 26,
        "lines_added": 1,
        "left_in_code": 0,
        "merge_to_deployed_s": 1.8,
        "merge_to_archived_s": 6.2,
        "archived_before_merge": False,
        "archived": True,
        "named_in_deployed_code": False,
        "audit": "Audited: test/weekly: 2 flags",
    }


def gated() -> Document:
    """A release that waited until its freeze was over, for one suite, and for a person."""
    went = {"push_to_first_traffic_s": 18.0, "thawed_after_s": 14.2, "suite_starts": 1, "approval_to_promotion_s": 0.6}
    return {**delivery(image="shop:1.6.0"), **went}


def document() -> Document:
    """A run in which everything went well."""
    return {
        "machine": MACHINE,
        "deliveries": [delivery(git=way()), {**deepcopy(NEVER), "git": way()}],
        "target_changed": {"changed_to_first_traffic_s": 2.5},
        "chart": {"installed": push("1.0.0", "1"), "upgraded": push("1.1.0", "2")},
        "flags": {"killed": killed(), "removed": removed()},
        "gates": gated(),
    }


def bad_promoted(it: Document) -> None:
    it["deliveries"][1]["verdict"] = "promoted"


def by_hand(it: Document) -> None:
    it["deliveries"][0]["git"]["author"] = "shop team"


def never_applied(it: Document) -> None:
    for name in ("commit", "author", "push_to_applied_s"):
        del it["deliveries"][1]["git"][name]


def git_lies(it: Document) -> None:
    it["deliveries"][1]["git"]["git_names"] = "registry.test/shop:1.4.0@sha256:bb"


def not_installed(it: Document) -> None:
    it["chart"]["installed"]["push_to_users_s"] = None


def not_ready(it: Document) -> None:
    it["chart"]["installed"]["ready"] = "False: install retries exhausted"


def unseen_by_helm(it: Document) -> None:
    it["chart"]["upgraded"]["helm_lists"]["revision"] = "1"


def failing_upgrade(it: Document) -> None:
    it["chart"]["upgraded"]["helm_lists"]["status"] = "failed"


def change(story: str, **changed: Any) -> Callable[[Document], None]:
    """Spoils one thing of the chapter on flags."""

    def spoil(it: Document) -> None:
        it["flags"][story] |= changed

    spoil.__name__ = "_".join(changed)
    return spoil


def no_removal(it: Document) -> None:
    del it["flags"]["removed"]


def no_chapter(it: Document) -> None:
    del it["flags"]["killed"]


def no_gates(it: Document) -> None:
    it["gates"] = {}


def gate(name: str, value: Any) -> Callable[[Document], None]:
    """What was measured of the release at the Gates, otherwise."""

    def spoil(it: Document) -> None:
        it["gates"][name] = value

    spoil.__name__ = f"gates {name}={value}"
    return spoil


SPOILED: dict[Callable[[Document], None], int] = {
    bad_promoted: 0,
    by_hand: 1,
    never_applied: 1,
    git_lies: 2,
    not_installed: 3,
    not_ready: 3,
    unseen_by_helm: 4,
    failing_upgrade: 4,
    no_chapter: 5,
    change("killed", verdict="rolled_back"): 5,
    change("killed", state="not recovered"): 5,
    change("killed", verdict_to_off_s=None): 5,
    change("killed", verdict_to_off_s=31.0): 5,
    change("killed", off_to_last_error_s=20.0): 5,
    change("killed", off_at_the_end=False): 5,
    change("killed", failed_requests=0): 5,
    no_removal: 6,
    change("removed", lines_removed=0): 6,
    change("removed", left_in_code=1): 6,
    change("removed", named_in_deployed_code=True): 6,
    change("removed", archived=False): 6,
    change("removed", archived_before_merge=True): 6,
    no_gates: 7,
    gate("verdict", "rolled_back"): 7,
    gate("push_to_first_traffic_s", 3.0): 7,
    gate("suite_starts", 2): 7,
    gate("failed_requests", 1): 7,
    gate("approval_to_promotion_s", None): 7,
}
"""What may go wrong, and the check that sees it."""


def page(it: Document) -> str:
    console = Console(record=True, width=200, quiet=False)
    show(it, console)
    return console.export_text()


def test_a_run_that_went_well_keeps_all_of_them_and_says_each() -> None:
    """With what was measured of the chart, and what helm shows of it."""
    it = document()
    assert failed(it) == []
    text = page(it)
    assert [check.said for check in CHECKS if f"holds {check.said}" not in text] == []
    assert "FAILS" not in text
    assert "chart stock-1.1.0 upgraded: push → users 3.2 s, failed requests of the shop meanwhile: 0" in text
    assert "helm list: stock 2 deployed stock-1.1.0" in text
    assert "26 lines removed, 1 added in checkout.go" in text
    assert "https://forge.test/team/checkout/pull/1: Remove feature flag one-page-checkout" in text
    assert "41 of 3100 requests failed" in text


@pytest.mark.parametrize(("spoil", "seen_by"), SPOILED.items(), ids=[spoil.__name__ for spoil in SPOILED])
def test_what_went_wrong_fails_the_demo_by_its_check(spoil: Callable[[Document], None], seen_by: int) -> None:
    """And the page says which."""
    it = document()
    spoil(it)
    assert failed(it) == [CHECKS[seen_by]]
    assert f"FAILS {CHECKS[seen_by].said}" in page(it)


def test_on_a_cluster_of_one_s_own_the_chapter_on_flags_is_left_out_and_that_is_said() -> None:
    """It fails nothing, and nobody takes it for done."""
    it = document()
    it["flags"] = {"skipped": "there is no forge"}
    assert failed(it) == []
    assert "feature flags: left out, there is no forge" in page(it)


def test_what_became_of_each_flag_is_said_in_sentences() -> None:
    """With the numbers, and also where it did not go off."""
    assert said_of_killed(killed())[:2] == [
        "the judge said bad, and new-checkout was off 0.12 s later",
        "users' last error came 0.94 s after that; 41 of 3100 requests failed",
    ]
    assert said_of_killed(killed() | {"verdict_to_off_s": None})[0] == "the flag was not switched off"
    assert "took 26 lines out of checkout.go" in said_of_removed(removed())
    assert "not archived" in said_of_removed(removed() | {"archived": False})


def test_each_check_can_fail() -> None:
    """One that nothing spoils would be a sentence and no check."""
    assert set(SPOILED.values()) == set(range(len(CHECKS)))


def test_a_run_that_came_to_nothing_keeps_none() -> None:
    """A demo that ended before its first release has shown nothing."""
    assert failed({"machine": MACHINE, "deliveries": [], "target_changed": {}, "chart": {}}) == list(CHECKS)
