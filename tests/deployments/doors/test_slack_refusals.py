"""Forged, replayed, expired, wrong-person and wrong-revision answers: all of them are refused, and recorded."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from deployments.doors.slack.door import INTERACTIONS
from deployments.doors.slack.signed import SIGNATURE, TIMESTAMP
from lab.standins.slack_pressing import press, signed
from tests.deployments.doors.slack_site import ALICE, BOB, SIGNING, Site, site
from tests.samples import NAME, NAMESPACE

CASES = 100


async def settled(there: Site, records: int) -> None:
    """Wait until that many are recorded."""
    async with asyncio.timeout(10):
        while len(there.records()) < records:
            await asyncio.sleep(0)


def damaged(chance: random.Random, body: bytes, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """A request that Slack never sent: by another secret, another body, another time."""
    how = chance.randrange(5)
    if how == 0:
        return body, signed(body, f"other-{chance.random()}")
    if how == 1:
        at = chance.randrange(len(body))
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        return changed, headers
    if how == 2:
        return body, headers | {TIMESTAMP: str(int(headers[TIMESTAMP]) + chance.choice([-1, 1, 299]))}
    if how == 3:
        missing = chance.choice([SIGNATURE, TIMESTAMP])
        return body, {name: value for name, value in headers.items() if name != missing}
    return body, headers | {
        chance.choice([SIGNATURE, TIMESTAMP]): chance.choice(["", "v0=", "v1=" + "0" * 64, "٣", "-1"])
    }


async def test_what_slack_did_not_sign_is_refused(tmp_path: Path) -> None:
    """Of every kind; recorded once an hour, for anybody on the internet may come."""
    chance = random.Random(14)
    async with site(tmp_path) as there:
        good = press(await there.ask(), "approve", ALICE)
        for _ in range(CASES):
            body, headers = damaged(chance, good, signed(good, SIGNING, there.now))
            raw = {name: value.encode() for name, value in headers.items()}
            answer = await there.http.post(INTERACTIONS, content=body, headers=raw)  # type: ignore[arg-type]
            assert answer.status_code == 401
        assert [(one["spec"]["act"], one["spec"]["by"]) for one in there.records()] == [("refused", "unknown")]
        assert there.records()[0]["metadata"]["namespace"] == "sluice"


async def test_our_rule_and_the_sdk_s_agree(tmp_path: Path) -> None:
    """On what is signed and when: five minutes to either side."""
    async with site(tmp_path) as there:
        for seconds, status in ((0, 200), (299, 200), (-299, 200), (302, 401), (-302, 401)):
            body = press(await there.ask(), "approve", ALICE, trigger=str(seconds))
            headers = signed(body, SIGNING, there.now + seconds)
            assert (await there.send(INTERACTIONS, body, headers)).status_code == status
            known = SignatureVerifier(SIGNING)
            assert known.generate_signature(timestamp=headers[TIMESTAMP], body=body) == headers[SIGNATURE]


async def test_a_request_that_comes_again_does_nothing_again(tmp_path: Path) -> None:
    """Somebody who has recorded one cannot send it once more: not even a pause that was ended since then."""
    async with site(tmp_path, operators=("*",)) as there:
        body = press(await there.ask(), "approve", ALICE)
        headers = signed(body, SIGNING, there.now)
        for _ in range(5):
            assert (await there.send(INTERACTIONS, body, headers)).status_code == 200
        await settled(there, 2)
        assert there.acts() == ["approve", "refused"]
        assert "was here before" in there.records()[1]["spec"]["reason"]
        assert "Recorded" in await there.write("pause shop", ALICE, trigger="7")
        assert "Recorded" in await there.write("resume shop", ALICE, trigger="8")
        there.now += 2  # signed anew by Slack, which sends it again
        assert "before" in await there.write("pause shop", ALICE, trigger="7")
        assert there.acts() == ["approve", "refused", "pause", "resume"]


@pytest.mark.parametrize("seed", range(4))
async def test_every_answer_that_may_not_be_is_refused_and_recorded(tmp_path: Path, seed: int) -> None:
    """Signed by Slack, and yet of another revision, try, Gate, person or time, or with a button that was changed."""
    chance = random.Random(seed)
    async with site(tmp_path, approval={"people": ["bob@shop.test"]}) as there:
        canary = there.cluster.now("Canary", NAME, NAMESPACE)
        for turn in range(CASES // 4):
            message, before = await there.ask(), len(there.records())
            kept: dict[str, Any] = {**canary["status"], "begunWith": dict(canary["status"]["begunWith"])}
            now, who = there.now, BOB
            how = chance.choice(["revision", "try", "over", "expired", "person", "changed", "word", "open"])
            if how == "revision":
                canary["status"]["lastAppliedSpec"] = f"r{turn + 3}"
            elif how == "try":
                canary["status"]["begunWith"]["heard"] = turn + 6
            elif how == "over":
                canary["status"]["phase"] = chance.choice(["Succeeded", "Failed"])
            elif how == "expired":
                there.now += chance.uniform(3601, 10**6)
            elif how == "person":
                who = ALICE
            elif how == "open":
                canary["status"]["gates"] = [{**kept["gates"][0], "open": True}]
            else:
                button = message["blocks"][-1]["elements"][0]
                value = button["value"]
                at = chance.randrange(len(value))
                button["value"] = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
                if how == "word":
                    button["value"] = message["blocks"][-1]["elements"][1]["value"]
            told = await there.press(message, who, trigger=f"{turn}", reason=str(turn))
            assert told.startswith("Refused: "), how
            canary["status"], there.now = kept, now
            assert set(there.acts()) == {"refused"}
            assert len(there.records()) in {before, before + 1}
            mine = [one for one in there.records() if one["spec"]["reason"].endswith(told.removeprefix("Refused: "))]
            assert mine, f"{how} is not recorded: {told}"
        assert "Recorded" in await there.press(await there.ask(), BOB, trigger="last"), "the right one is taken still"
