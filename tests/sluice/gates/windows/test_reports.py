"""What users of others have reported of their windows and freezes, tried on ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.gates.windows.state import WindowState, window_state
from sluice.manifests.own.gates.window import WindowSpec

Json = dict[str, Any]


def state(given: Json, now: str) -> WindowState:
    return window_state(WindowSpec.model_validate(given), datetime.fromisoformat(now).astimezone(UTC))


@pytest.mark.parametrize("now", ["2026-01-15T12:15+00:00", "2026-07-15T12:15+01:00"])
def test_nobody_has_to_edit_a_window_when_clocks_change(now: str) -> None:
    """argo-cd #3204, #17750: 09:00 for three and a half hours in London, in winter and in summer."""
    window = {"timeZone": "Europe/London", "allow": [{"cron": "0 9 * * *", "duration": "3h30m"}]}
    assert state(window, now).open


@pytest.mark.parametrize(
    ("now", "is_open"), [("2026-12-01T16:00Z", True), ("2026-12-04T13:00Z", True), ("2026-12-04T16:00Z", False)]
)
def test_of_several_allowed_ranges_one_is_enough(now: str, is_open: bool) -> None:
    """argo-cd #10425: with 9 to 17 on Monday to Thursday and 9 to 14 on Friday nothing could go out."""
    hours = {"from": "09:00", "to": "17:00"}
    allow = [{"weekdays": ["Mon-Thu"], **hours}, {"weekdays": ["Fri"], **hours, "to": "14:00"}]
    assert state({"allow": allow}, now).open is is_open


def test_a_deny_alone_denies_its_own_time() -> None:
    """argo-cd #5590: one of an hour a day stopped everything at all times."""
    deny = [{"cron": "2 13 * * *", "duration": "1h"}]
    assert state({"deny": deny}, "2026-11-30T12:00Z").open
    assert not state({"deny": deny}, "2026-11-30T13:30Z").open


def test_an_hour_that_no_day_has_is_refused_when_it_is_written() -> None:
    """argo-cd #10071: `* 7-24 * * 0-6` was taken, and what used it broke."""
    with pytest.raises(ValueError, match="Bad hour"):
        WindowSpec.model_validate({"allow": [{"cron": "* 7-24 * * 0-6", "duration": "1h"}]})


def test_days_without_times_are_whole_days() -> None:
    """spinnaker #1648: they never opened."""
    assert state({"allow": [{"weekdays": ["Sat"]}]}, "2026-11-28T23:59:59Z").open


def test_the_zone_that_counts_is_shown() -> None:
    """keel #1263, argo-cd #3831: Monday to Friday from 7 to 16 was closed on a Tuesday at 11: by UTC, unsaid."""
    now = "2026-06-02T11:00-07:00"
    allow = [{"weekdays": ["Mon-Fri"], "from": "07:00", "to": "16:00"}]
    at = datetime.fromisoformat(now)
    assert state({"allow": allow}, now).sentence("UTC", at).startswith("closed until Wed 07:00 UTC")
    there = {"timeZone": "America/Los_Angeles", "allow": allow}
    assert state(there, now).sentence("America/Los_Angeles", at).startswith("open until Tue 16:00 America/Los_Angeles")


@pytest.mark.parametrize("year", [2026, 2027, 2034])
def test_a_freeze_of_each_year_is_written_once(year: int) -> None:
    """va.gov-team #73380, #51192, #99845: days of freezes are edited each year, and forgotten."""
    window = {"deny": [{"name": "winter", "dates": [{"from": "12-23", "to": "01-03"}]}]}
    assert not state(window, f"{year}-12-23T00:00Z").open
    assert not state(window, f"{year + 1}-01-03T23:59Z").open
    assert state(window, f"{year + 1}-01-04T00:00Z").open
