"""Reading the load generator's file: whole lines only, and failures of nobody's version count too."""

import json
from pathlib import Path

from lab.load.summary import RequestLog, UserRequest, VersionSeen, between, summarise


def line(t: float, version: str = "1.0.0", status: int = 200, error: str = "") -> UserRequest:
    return UserRequest(t=t, ms=100, status=status, version=version, error=error)


def test_a_line_that_is_not_finished_waits(tmp_path: Path) -> None:
    """A reader in the middle of a write neither fails nor loses the line."""
    path = tmp_path / "out.jsonl"
    log = RequestLog(path)
    assert log.read() == []
    whole = json.dumps({"t": 1.0, "ms": 100, "status": 200, "version": "1.0.0", "error": ""})
    path.write_text(whole[:20])
    assert log.read() == []
    path.write_text(whole + "\n" + whole[:20])
    assert log.read() == [line(1.0)]
    path.write_text(whole + "\n" + whole + "\n")
    assert log.read() == [line(1.0), line(1.0)]


def test_each_version_has_its_own_account() -> None:
    """Requests, failures and instants are counted for the version that answered."""
    seen = summarise([line(1), line(2, "2.0.0", 500), line(3), line(4, "2.0.0")])
    assert seen.versions == {"1.0.0": VersionSeen(1.1, 3.1, 2, 0), "2.0.0": VersionSeen(2.1, 4.1, 2, 1)}


def test_a_failure_that_no_version_answered_counts_as_a_failed_request() -> None:
    """Whether the gateway or nobody answered, a user's request failed."""
    seen = summarise([line(1), line(2, "", 503), line(3, "", 0, "timeout")])
    assert (seen.requests, seen.failed, set(seen.versions)) == (3, 2, {"1.0.0"})


def test_a_users_mistake_is_not_a_failure() -> None:
    """A 4xx is the user's own."""
    assert summarise([line(1, status=404)]).failed == 0


def test_a_span_holds_its_start_and_not_its_end() -> None:
    """Spans that follow each other count no request twice."""
    assert [one.t for one in between([line(1), line(2), line(3)], 1, 3)] == [1, 2]
