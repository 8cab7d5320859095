"""What holds for every sender of webhooks, through its door: run over the table."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.doors.receiver import application
from deployments.doors.secrets import secrets_of
from deployments.settings import Settings
from lab.standins.github_webhooks import push_payload
from sluice.errors import InvalidError, TerminalError
from sluice.events.model import Event, ImagePushed, SourceChanged
from sluice.events.senders.base import Sender
from sluice.events.senders.github import GitHub
from sluice.events.senders.table import SENDERS

SECRET, DIGEST = "s3cret", "sha256:" + "a" * 64
SHARED = SecretStr(SECRET)
Headers = dict[str, str]


@dataclass(frozen=True)
class Case:
    """What one sender sends.

    Attributes:
        proof: the headers that prove a body with a secret.
        body: a delivery as it is sent.
        events: what it means.
        other: a delivery of something that is none of our business.
        named: the headers of a delivery of that name.
        other_named: headers of `other`.
    """

    proof: Callable[[bytes, str], Headers]
    body: Any
    events: tuple[Event, ...]
    other: Any
    named: Headers = field(default_factory=dict)
    other_named: Headers = field(default_factory=dict)


def bearer(_body: bytes, secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def signed(body: bytes, secret: str) -> Headers:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def notification(action: str) -> dict[str, Any]:
    """An envelope as CNCF Distribution 2.8 sends it."""
    target = {
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "size": 708,
        "digest": DIGEST,
        "length": 708,
        "repository": "team/shop",
        "url": f"https://registry.example/v2/team/shop/manifests/{DIGEST}",
        "tag": "1.2.0",
    }
    request = {
        "id": "6df2",
        "addr": "10.0.0.7:4711",
        "host": "registry.example",
        "method": "PUT",
        "useragent": "docker",
    }
    made = {"id": "320678d8", "timestamp": "2026-01-02T03:04:05.678Z", "action": action, "target": target}
    return {"events": [{**made, "request": request, "actor": {}, "source": {"addr": "registry:5000"}}]}


CASES: dict[str, Case] = {
    "registry": Case(
        proof=bearer,
        body=notification("push"),
        events=(ImagePushed(delivery="320678d8", image="registry.example/team/shop", tag="1.2.0", digest=DIGEST),),
        other=notification("pull"),
    ),
    "github": Case(
        proof=signed,
        body=push_payload("lab/shop", "refs/heads/main", "1" * 40, "2" * 40, "https://host/lab/shop.git"),
        events=(SourceChanged(delivery="d-1", url="https://host/lab/shop.git", ref="main", commit="2" * 40),),
        other={"action": "opened"},
        named={"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1"},
        other_named={"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-2"},
    ),
}
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
    """The receiver, as the sender `name` meets it."""

    def __init__(self, name: str, taken: Taken, secret: SecretStr | None = SHARED) -> None:
        self.case, self.sender = CASES[name], SENDERS[name]
        self._app = application(taken.post, SENDERS.values(), {self.sender.secret: secret}.get)

    async def send(self, body: bytes, headers: Headers) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url="http://receiver") as client:
            return await client.post(self.sender.path, content=body, headers=headers)

    async def deliver(self, secret: str = SECRET) -> httpx.Response:
        body = json.dumps(self.case.body).encode()
        return await self.send(body, self.case.proof(body, secret) | self.case.named)


def test_every_sender_is_tried_here_and_is_what_its_row_says() -> None:
    """A row without a case would be a promise that nobody checks."""
    assert set(CASES) == set(SENDERS)
    assert all(isinstance(one, Sender) and one.name == name for name, one in SENDERS.items())


@every_sender
async def test_a_delivery_becomes_its_events(name: str, taken: Taken) -> None:
    """Accepted with the number of events, which are exactly these."""
    answer = await Door(name, taken).deliver()
    assert (answer.status_code, answer.json()["events"]) == (202, len(CASES[name].events))
    assert tuple(taken) == CASES[name].events


@every_sender
async def test_the_same_delivery_gives_the_same_ids(name: str, taken: Taken) -> None:
    """A redelivery starts nothing again."""
    door = Door(name, taken)
    await door.deliver()
    await door.deliver()
    ids = [one.id for one in taken]
    assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]


@every_sender
async def test_without_proof_nothing_is_taken(name: str, taken: Taken) -> None:
    """None at all, of another secret, of another body; the answer names the header and never the secret."""
    door, case = Door(name, taken), CASES[name]
    body = json.dumps(case.body).encode()
    answers = [await door.deliver("other"), await door.send(body, case.named)]
    if door.sender.verification.reads_body:
        answers.append(await door.send(body + b" ", case.proof(body, SECRET) | case.named))
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["error"] == door.sender.verification.refusal
        assert SECRET not in answer.text
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
async def test_what_is_none_of_our_business_is_acknowledged(name: str, taken: Taken) -> None:
    """No error, or the sender would repeat it, and no event."""
    case, body = CASES[name], json.dumps(CASES[name].other).encode()
    answer = await Door(name, taken).send(body, case.proof(body, SECRET) | case.other_named)
    assert (answer.status_code, answer.json(), taken) == (202, {"events": 0, "new": 0}, [])


@every_sender
async def test_a_body_over_the_limit_is_refused(name: str, taken: Taken) -> None:
    """Also one that is proven."""
    body = b" " * (SENDERS[name].limit + 1)
    answer = await Door(name, taken).send(body, CASES[name].proof(body, SECRET) | CASES[name].named)
    assert (answer.status_code, taken) == (413, [])


@every_sender
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_the_sender_s_is_refused(name: str, body: bytes, taken: Taken) -> None:
    """With a reason, and as one that need not be repeated."""
    answer = await Door(name, taken).send(body, CASES[name].proof(body, SECRET) | CASES[name].named)
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
    async with httpx.AsyncClient(transport=httpx.ASGITransport(door._app), base_url="http://receiver") as client:
        assert (await client.post(door.sender.path, content=chunks(), headers=CASES[name].named)).status_code == 401
    assert not read


@every_sender
def test_parsing_needs_no_door(name: str) -> None:
    """Headers are found in whatever case they are written; what is no delivery is refused in words."""
    sender, case = SENDERS[name], CASES[name]
    headers = httpx.Headers({key.lower(): value for key, value in case.named.items()})
    assert sender.parse(headers, json.dumps(case.body).encode()).events == case.events
    with pytest.raises(InvalidError):
        sender.parse(headers, b"{")


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
