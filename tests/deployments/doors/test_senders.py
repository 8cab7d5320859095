"""What holds for every sender of webhooks, through its door: run over the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.doors.keys import Keys
from deployments.doors.receiver import application
from deployments.doors.secrets import secrets_of
from deployments.settings import Settings
from sluice.errors import InvalidError, TerminalError
from sluice.events.model import Event
from sluice.events.senders.base import Sender
from sluice.events.senders.forges.github import GitHub
from sluice.events.senders.table import SENDERS
from sluice.events.verification.google_token import KEYS
from tests.deployments.doors.cases import CASES, SECRET, Headers
from tests.sluice.events.senders.calls import call
from tests.sluice.events.senders.signed import CERTIFICATE, google_keys, issued

SHARED = SecretStr(SECRET)


async def published(url: str) -> bytes:
    """What senders publish of their keys."""
    return {KEYS: google_keys("google-1"), CERTIFICATE: issued("sns").pem}[url]


every_sender = pytest.mark.parametrize("name", SENDERS)


class Taken(list[Event]):
    """Stands where Prefect stands."""

    async def post(self, events: Sequence[Event]) -> int:
        self.extend(events)
        return len(events)


@pytest.fixture
def taken() -> Taken:
    return Taken()


class Door:
    """The receiver, as the sender `name` meets it; our secret is the right one unless another is given."""

    def __init__(self, name: str, taken: Taken, secret: SecretStr | None = SHARED) -> None:
        self.case, self.sender = CASES[name], SENDERS[name]
        known = SecretStr(self.case.secret) if secret is SHARED else secret
        self.app = application(taken.post, SENDERS.values(), {self.sender.secret: known}.get, Keys(published))

    async def send(self, body: Any, headers: Headers, secret: str | None = None) -> httpx.Response:
        path = self.case.path(self.sender.path, self.case.secret if secret is None else secret)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://receiver") as client:
            return await client.post(f"{path}?{self.case.query}", content=body, headers=headers)

    async def deliver(self, secret: str | None = None, what: Any = None) -> httpx.Response:
        shown = self.case.secret if secret is None else secret
        body = self.case.written(self.case.body if what is None else what, shown)
        named = self.case.named if what is None else self.case.other_named
        return await self.send(body, self.case.proof(body, shown) | named, shown)


def without_ids(events: Sequence[Event], nameless: bool) -> tuple[Event, ...]:
    """The events, without the ids that are made of the time."""
    return tuple(one.model_copy(update={"delivery": ""}) if nameless else one for one in events)


def test_every_sender_is_tried_here_and_is_what_its_row_says() -> None:
    """A row without a case would be a promise that nobody checks."""
    assert set(CASES) == set(SENDERS)
    assert all(isinstance(one, Sender) and one.name == name for name, one in SENDERS.items())


@every_sender
async def test_a_delivery_becomes_its_events(name: str, taken: Taken) -> None:
    """Accepted with the number of events, which are exactly these."""
    answer = await Door(name, taken).deliver()
    assert (answer.status_code, answer.json()["events"]) == (202, len(CASES[name].events))
    assert without_ids(taken, CASES[name].nameless) == CASES[name].events


@every_sender
async def test_the_same_delivery_gives_the_same_ids(name: str, taken: Taken) -> None:
    """A redelivery starts nothing again. Of a sender with neither names nor times each is an event: the second push of one
    tag looks like the first, and must not be lost."""
    door = Door(name, taken)
    await door.deliver()
    await door.deliver()
    ids = [one.id for one in taken]
    assert (ids[: len(ids) // 2] == ids[len(ids) // 2 :]) is not CASES[name].nameless


@every_sender
async def test_without_proof_nothing_is_taken(name: str, taken: Taken) -> None:
    """None at all, of another secret, of another body; the answer names the header and never the secret."""
    door, case = Door(name, taken), CASES[name]
    body = case.written(case.body, case.secret)
    answers = [await door.deliver("other"), await door.send(body, case.named, "")]
    if door.sender.verification.reads_body:
        other = body.replace(b"shop", b"evil")
        assert other != body
        answers.append(await door.send(other, case.proof(body, case.secret) | case.named))
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["error"] == door.sender.verification.refusal
        assert case.secret not in answer.text
    assert taken == []


@every_sender
@pytest.mark.parametrize("secret", [None, ""], ids=["none", "empty"])
async def test_without_a_secret_of_ours_nothing_is_taken(name: str, secret: str | None, taken: Taken) -> None:
    """An installation that forgot its secret is closed, and so is a door with an empty one; the answer names the setting."""
    known = secrets_of(Settings())(SENDERS[name].secret) if secret is None else SecretStr(secret)
    answer = await Door(name, taken, known).deliver("")
    assert answer.status_code == 401
    assert f"SLUICE_{SENDERS[name].secret.upper()}" in answer.json()["error"]
    assert taken == []


@every_sender
async def test_a_line_feed_at_the_end_of_our_secret_is_no_part_of_it(name: str, taken: Taken) -> None:
    """A Secret made of a file often has one, and no sender's settings can."""
    door = Door(name, taken, SecretStr(f"{CASES[name].secret}\n"))
    assert (await door.deliver()).status_code == 202


@every_sender
async def test_what_is_none_of_our_business_is_acknowledged(name: str, taken: Taken) -> None:
    """No error, or the sender would repeat it, and no event."""
    if CASES[name].other is None:
        pytest.skip("it sends nothing else")
    answer = await Door(name, taken).deliver(what=CASES[name].other)
    assert (answer.status_code, answer.json(), taken) == (202, {"events": 0, "new": 0}, [])


@every_sender
async def test_a_body_over_the_limit_is_refused(name: str, taken: Taken) -> None:
    """Also one that is proven."""
    body = b" " * (SENDERS[name].limit + 1)
    answer = await Door(name, taken).send(body, CASES[name].proof(body, CASES[name].secret) | CASES[name].named)
    assert (answer.status_code, taken) == (413, [])


@every_sender
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_the_sender_s_is_refused(name: str, body: bytes, taken: Taken) -> None:
    """With a reason, and as one that need not be repeated."""
    answer = await Door(name, taken).send(body, CASES[name].proof(body, CASES[name].secret) | CASES[name].named)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert taken == []


@every_sender
async def test_the_body_of_a_delivery_without_a_proof_is_never_read(name: str, taken: Taken) -> None:
    """The headers are looked at first: a stranger cannot make us hold a body."""
    read = []

    async def chunks() -> Any:
        for number in range(3):
            read.append(number)
            yield b"{"

    door = Door(name, taken)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url="http://receiver") as client:
        assert (await client.post(door.sender.path, content=chunks(), headers=CASES[name].named)).status_code == 401
    assert not read


@every_sender
def test_parsing_needs_no_door(name: str) -> None:
    """Headers are found in whatever case they are written; what is no delivery is refused in words."""
    sender, case = SENDERS[name], CASES[name]
    query = dict(part.split("=") for part in case.query.split("&") if part)
    headers = {key.lower(): value for key, value in case.named.items()}
    made = call(case.written(case.body, case.secret), headers, **query)
    assert without_ids(sender.parse(made).events, case.nameless) == case.events
    with pytest.raises(InvalidError):
        sender.parse(call(b"{", headers, **query))


def test_a_secret_of_a_sender_of_one_s_own_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings have no field for it: the variable is named by the sender's row alone."""
    monkeypatch.setenv("SLUICE_ACME_SECRET", SECRET)
    secret = secrets_of(Settings(github_secret=SecretStr("g")))
    assert [secret(name) for name in ("acme_secret", "github_secret", "other_secret")] == [
        SecretStr(SECRET),
        SecretStr("g"),
        None,
    ]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param(GitHub(name="other"), "github has it", id="taken"),
        pytest.param(GitHub(name="other", path="/healthz"), "receiver itself", id="ours"),
        pytest.param(GitHub(name="other", path="other"), "slash", id="no path"),
    ],
)
def test_two_senders_cannot_have_one_path(other: Sender, why: str, taken: Taken) -> None:
    """Said at start, with both names: else the second would never be heard."""
    with pytest.raises(TerminalError, match=f"sender other: .*{why}"):
        application(taken.post, [*SENDERS.values(), other], lambda field: None)
