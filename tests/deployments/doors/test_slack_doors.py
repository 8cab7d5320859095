"""Buttons and commands of Slack: who may, what is recorded of it, and what people are told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from deployments.doors.slack import door
from deployments.doors.slack.door import COMMANDS, INTERACTIONS
from lab.standins.slack_pressing import press, signed, slash
from sluice.errors import TransientError
from tests.deployments.doors.slack_site import ALICE, BOB, GUEST, SIGNING, STRANGER, site
from tests.samples import NAME, NAMESPACE

SERVICE = f"{NAMESPACE}/{NAME}"


async def test_a_press_is_one_record_that_says_all_of_it(tmp_path: Path) -> None:
    """By whom, of which groups, about which revision, and why; with the label by which the release hears it."""
    async with site(tmp_path, approval={"groups": ["on-call"]}) as there:
        told = await there.press(await there.ask(), BOB, reason="looked at it")
        (made,) = there.records()
    assert told.startswith(f"Recorded: gate {NAMESPACE}/four-eyes of {SERVICE} `1.1.0` approved by bob@shop.test")
    assert made["metadata"]["labels"]["sluice.dev/asks"] == "true"
    spec = made["spec"]
    assert (spec["act"], spec["by"], spec["groups"]) == ("approve", "bob@shop.test", [f"slack:{BOB}", "on-call"])
    assert (spec["canary"], spec["revision"], spec["version"], spec["through"]) == (NAME, "r2", "1.1.0", "slack")
    assert (spec["gate"], spec["point"], spec["reason"]) == (
        f"{NAMESPACE}/four-eyes",
        "confirm-promotion",
        "looked at it",
    )


async def test_a_double_click_is_one_record_and_the_next_try_has_its_own(tmp_path: Path) -> None:
    """Presses and commands of one person about one try are one; where the revision is tried again all is asked anew."""
    async with site(tmp_path) as there:
        message = await there.ask()
        assert "Recorded" in await there.press(message, ALICE)
        assert "before" in await there.press(message, ALICE, trigger="1.2")
        assert "before" in await there.write(f"approve {SERVICE}", ALICE)
        assert there.acts() == ["approve"]
        again = there.cluster.now("Canary", NAME, NAMESPACE)
        again["status"]["begunWith"]["heard"] = 9
        assert "an earlier try" in await there.press(message, ALICE, trigger="1.3")
        assert "Recorded" in await there.press(await there.ask(), ALICE, trigger="1.4")
        assert there.acts() == ["approve", "refused", "approve"]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        (ALICE, "may not answer gate shop-test/four-eyes: it asks bob@shop.test or one of on-call"),
        (GUEST, "is_restricted"),
        (STRANGER, "not this installation's"),
    ],
)
async def test_whoever_may_not_is_told_why_and_recorded(tmp_path: Path, who: str, why: str) -> None:
    """Another workspace's administrator may give himself any e-mail address: it counts for nothing."""
    async with site(tmp_path, approval={"people": ["bob@shop.test"], "groups": ["on-call"]}) as there:
        told = await there.press(await there.ask(), who)
        assert told.startswith("Refused: ")
        assert why in told
        (made,) = there.records()
    assert made["spec"]["act"] == "refused"
    assert "asked to approve" in made["spec"]["reason"]
    assert "sluice.dev/asks" not in made["metadata"]["labels"], "no release hears it"


async def test_slack_ids_and_names_of_ones_own_are_people_too(tmp_path: Path) -> None:
    """A Gate may name `slack:U0ALICE`; a setting may call her alice."""
    async with site(tmp_path, approval={"people": [f"slack:{ALICE}"]}) as there:
        assert "Recorded" in await there.press(await there.ask(), ALICE)
    async with site(tmp_path, approval={"people": ["alice"]}) as there:
        there.desk.people.names = {ALICE: "alice"}
        assert "Recorded" in await there.press(await there.ask(), ALICE)
        assert there.records()[0]["spec"]["by"] == "alice"


async def test_a_slack_that_does_not_say_who_it_is_lets_nobody_through(tmp_path: Path) -> None:
    """Else one person would have two names, and be two people."""
    async with site(tmp_path) as there:
        message = await there.ask()
        await there.workspace.post("/-/limit", json={"times": 1})
        assert "Nothing was done" in await there.press(message, ALICE)
        assert there.records() == []
        assert "Recorded" in await there.press(message, ALICE, trigger="1.2")


@pytest.mark.parametrize(
    ("text", "told", "acts"),
    [
        (f"status {SERVICE}", "WaitingPromotion, 60 % of the users", []),
        (f"status {NAME}", "gate shop-test/four-eyes (confirm-promotion): waits", []),
        (f"approve {SERVICE}", "Recorded", ["approve"]),
        (f"reject {SERVICE} gate=four-eyes no tests", "Recorded", ["reject"]),
        (f"pause {SERVICE}", "Recorded", ["pause"]),
        (f"abort {SERVICE} wrong database", "Recorded", ["abort"]),
        (f"promote {SERVICE} now", "SLUICE_SLACK_OPERATORS", ["refused"]),
        (f"override {SERVICE} outage", "SLUICE_SLACK_OPERATORS", ["refused"]),
        (f"resume {SERVICE}", "SLUICE_SLACK_OPERATORS", ["refused"]),
        (f"retry {SERVICE}", "only a revision that was rolled back", ["refused"]),
        (f"approve {SERVICE} gate=other", "gate shop-test/other is gone", ["refused"]),
        (f"abort {SERVICE}", "needs a reason", []),
        ("abort other no", "there is no Canary other", []),
        ("aprove shop", "did you mean approve?", []),
        ("", "say what to do", []),
    ],
)
async def test_a_command_is_answered_at_once(tmp_path: Path, text: str, told: str, acts: list[str]) -> None:
    """What stops a release is for everybody whom the workspace knows; what lets it go on is for those who are named."""
    async with site(tmp_path) as there:
        assert told in await there.write(text, ALICE)
        assert there.acts() == acts


async def test_operators_may_do_more(tmp_path: Path) -> None:
    """By name or by user group."""
    async with site(tmp_path, operators=("@on-call",)) as there:
        assert "Recorded" in await there.write(f"override {SERVICE} outage", BOB)
        assert there.records()[0]["spec"]["gate"] == "*"
        assert "Refused" in await there.write(f"promote {SERVICE} now", ALICE, trigger="2.2")


async def test_operators_freeze_a_namespace_or_everything_and_thaw_it(tmp_path: Path) -> None:
    """With a reason, and in the trail; others are refused, and a service is no namespace."""
    async with site(tmp_path, operators=("@on-call",)) as there:
        assert "Refused" in await there.write("freeze shop the sale", ALICE)
        assert "is about a namespace" in await there.write("freeze shop/cart the sale", BOB, trigger="1.9")
        assert "needs a reason" in await there.write("freeze shop", BOB, trigger="2.9")
        assert not [key for key in there.cluster.objects if key[0] == "Freeze"]
        assert "shop is frozen by " in await there.write("freeze shop the sale", BOB, trigger="3.9")
        assert "everything is frozen" in await there.write("freeze everything an outage", BOB, trigger="4.9")
        assert {key[1] for key in there.cluster.objects if key[0] == "Freeze"} == {"shop", "sluice"}
        assert "everything goes on" in await there.write("unfreeze everything", BOB, trigger="5.9")
        assert "shop goes on" in await there.write("unfreeze shop", BOB, trigger="6.9")
        assert not [key for key in there.cluster.objects if key[0] == "Freeze"]


async def test_an_answer_that_takes_long_comes_after_slack_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack waits for three seconds, and tells people that the app is broken after that."""
    monkeypatch.setattr(door, "ANSWERED_WITHIN", 0.0)
    async with site(tmp_path) as there:
        create, answered = there.cluster.create, asyncio.Event()

        async def slow(manifest: Any) -> Any:
            await answered.wait()
            return await create(manifest)

        there.cluster.create = slow  # type: ignore[method-assign]
        body = slash(f"pause {SERVICE}", ALICE, answer_to=f"{there.slack_url}/actions/late")
        assert (await there.send(COMMANDS, body)).content == b""
        answered.set()
        while not (said := (await there.workspace.get("/-/answers")).json()):
            await asyncio.sleep(0.005)
        assert "Recorded" in said[0]["text"]


async def test_no_other_address_is_called(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An address for the answer that is not Slack's would make the receiver call where somebody likes."""
    async with site(tmp_path) as there:
        body = press(await there.ask(), "approve", ALICE, answer_to="http://169.254.169.254/latest")
        assert (await there.send(INTERACTIONS, body)).status_code == 200
        while "nobody can be answered" not in caplog.text:
            await asyncio.sleep(0)
        assert there.acts() == ["approve"]


@pytest.mark.parametrize("path", [INTERACTIONS, COMMANDS])
async def test_what_slack_did_not_send_is_refused(tmp_path: Path, path: str) -> None:
    """What is too large is not read; what is no form is no command; what is about something else is answered and dropped."""
    async with site(tmp_path) as there:
        assert (await there.send(path, b"x" * (256 * 1024 + 1))).status_code == 413
        headers = signed(b"x", SIGNING, there.now)
        assert (await there.send(path, b"\xff\xfe", headers)).status_code == 401
        assert (await there.send(path, b"a=b")).status_code == 400
        assert (await there.send(path, b"payload=%7B%22type%22%3A%22view_closed%22%7D&ssl_check=1")).content == b""


async def test_without_a_cluster_people_are_asked_to_come_again(tmp_path: Path) -> None:
    """And where the record cannot be made, nothing is said to have been done."""
    async with site(tmp_path) as there:
        message, body = await there.ask(), slash("status shop", ALICE)

        async def away(*_: Any) -> Any:
            raise TransientError("the API server does not answer")

        there.cluster.create = away  # type: ignore[method-assign]
        assert "Nothing was done: the API server does not answer" in await there.press(message, ALICE)
        there.desk = None  # type: ignore[assignment]
        assert (await there.send(COMMANDS, body, signed(body, SIGNING, there.now))).status_code == 503
