"""The demo's story is what its exit rests on: each check is said on the page, and one that does not hold fails the demo."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from rich.console import Console

from lab.demo.checks import CHECKS, failed
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


def document() -> Document:
    """A run in which everything went well."""
    return {
        "machine": MACHINE,
        "deliveries": [delivery(git=way()), {**deepcopy(NEVER), "git": way()}],
        "target_changed": {"changed_to_first_traffic_s": 2.5},
        "chart": {"installed": push("1.0.0", "1"), "upgraded": push("1.1.0", "2")},
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


SPOILED: dict[Callable[[Document], None], int] = {
    bad_promoted: 0,
    by_hand: 1,
    never_applied: 1,
    git_lies: 2,
    not_installed: 3,
    not_ready: 3,
    unseen_by_helm: 4,
    failing_upgrade: 4,
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


@pytest.mark.parametrize(("spoil", "seen_by"), SPOILED.items(), ids=[spoil.__name__ for spoil in SPOILED])
def test_what_went_wrong_fails_the_demo_by_its_check(spoil: Callable[[Document], None], seen_by: int) -> None:
    """And the page says which."""
    it = document()
    spoil(it)
    assert failed(it) == [CHECKS[seen_by]]
    assert f"FAILS {CHECKS[seen_by].said}" in page(it)


def test_each_check_can_fail() -> None:
    """One that nothing spoils would be a sentence and no check."""
    assert set(SPOILED.values()) == set(range(len(CHECKS)))


def test_a_run_that_came_to_nothing_keeps_none() -> None:
    """A demo that ended before its first release has shown nothing."""
    assert failed({"machine": MACHINE, "deliveries": [], "target_changed": {}, "chart": {}}) == list(CHECKS)
