"""The demo's page and its exit: success is one promotion and three rollbacks, and nothing else."""

from typing import Any

import pytest
from rich.console import Console

from lab.demo.checks import as_wanted
from lab.demo.report import show


def delivery(**changed: Any) -> dict[str, Any]:
    usual = {
        "image": "shop:1.1.0",
        "meaning": "good",
        "expected": "promoted",
        "verdict": "promoted",
        "reason": "all [5] steps passed",
        "push_to_first_traffic_s": 4.5,
        "push_to_end_s": 54.2,
        "step_holds_s": 50.0,
        "requests": 5420,
        "failed_requests": 0,
        "bad_traffic_s": 0.0,
    }
    return usual | changed


MACHINE = {
    "cpu": "a processor",
    "cores": 2,
    "memory_gib": 8.0,
    "kernel": "6.1",
    "load_average_start": 0.5,
    "load_average_end": 1.0,
}
NEVER = delivery(
    image="shop:1.4.0",
    meaning="never becomes ready",
    expected="rolled_back",
    verdict="rolled_back",
    push_to_first_traffic_s=None,
    reason="readiness probe failed",
)


@pytest.mark.parametrize(
    ("deliveries", "wanted"),
    [
        ([delivery(), NEVER], True),
        ([delivery(verdict="rolled_back"), NEVER], False),
        ([delivery(), delivery(expected="rolled_back")], False),
        ([], False),
    ],
    ids=["as wanted", "a good one rolled back", "a bad one promoted", "nothing delivered"],
)
def test_only_the_right_verdicts_are_a_success(deliveries: list[dict[str, Any]], wanted: bool) -> None:
    """The demo succeeds when each release got the verdict it deserves, and there was one."""
    assert as_wanted(deliveries) is wanted


def test_the_page_shows_every_release_with_its_reason() -> None:
    """Each release has its numbers and its reason as it was given, and a release without traffic says never."""
    console = Console(record=True, width=200, quiet=False)
    changed = {"changed_to_first_traffic_s": 2.5}
    show({"machine": MACHINE, "deliveries": [delivery(), NEVER], "target_changed": changed}, console)
    page = console.export_text()
    for words in (
        "shop:1.1.0",
        "54.2 (50)",
        "all [5] steps passed",
        "never",
        "readiness probe failed",
        "2.5",
        "2 cores",
    ):
        assert words in page
