"""Keys that senders publish: how often they are fetched, and what of an answer is taken."""

from __future__ import annotations

import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from deployments.doors import keys
from deployments.doors.keys import Keys, fetched
from deployments.doors.receiver import application
from sluice.errors import TransientError
from sluice.events.model import Event
from sluice.events.senders.table import SENDERS
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.signed import google_keys, google_token, issued, sns_message


class Published:
    """Stands where a sender publishes its keys."""

    def __init__(self, *names: str) -> None:
        self.names, self.asked, self.away = names, 0, False

    async def __call__(self, url: str) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise TransientError("www.googleapis.com does not answer")
        return google_keys(*self.names)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def no_post(events: object) -> int:
    raise AssertionError(f"taken: {events}")


def receiver(known: Keys, secret: str, post: object = no_post) -> Starlette:
    return application(post, SENDERS.values(), lambda _: SecretStr(secret), known)  # type: ignore[arg-type]


KNOWN = "push@project.iam.gserviceaccount.com https://sluice.example/google"


async def push(app: Starlette, of: str) -> httpx.Response:
    token = google_token(of, datetime.now(UTC))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        body = payloads.google({"action": "DELETE"})
        return await client.post("/google", json=body, headers={"Authorization": f"Bearer {token}"})


async def test_keys_are_fetched_once_and_again_after_a_while() -> None:
    """Many deliveries at once ask once; an hour later once more."""
    published, clock = Published("google-1"), Clock()
    app = receiver(Keys(published, clock), KNOWN)
    answers = await asyncio.gather(*(push(app, "google-1") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [202] * 5
    assert published.asked == 1
    clock.now = keys.KEPT_FOR + 1
    await push(app, "google-1")
    assert published.asked == 2


async def test_a_new_key_of_the_sender_s_is_found() -> None:
    """Google changes them every few days; a stranger's key makes us ask once in a minute and no more."""
    published, clock = Published("google-1"), Clock()
    app = receiver(Keys(published, clock), KNOWN)
    assert (await push(app, "google-1")).status_code == 202
    published.names = ("google-2",)
    assert (await push(app, "google-2")).status_code == 401
    clock.now = keys.NEWER_AFTER + 1
    assert (await push(app, "google-2")).status_code == 202
    assert published.asked == 2
    for _ in range(5):
        assert (await push(app, "sns")).status_code == 401
    assert published.asked == 2


async def test_while_keys_cannot_be_had_the_sender_comes_again() -> None:
    """503, not 401: it did nothing wrong, and 4xx would make it drop the delivery."""
    published = Published("google-1")
    published.away = True
    app = receiver(Keys(published), KNOWN)
    answer = await push(app, "google-1")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    published.away = False
    assert (await push(app, "google-1")).status_code == 202


async def test_a_stranger_who_names_many_places_does_not_make_us_ask_them_all() -> None:
    """So many in a minute; and only so many are remembered."""
    clock, published = Clock(), Published("google-1")
    known = Keys(published, clock)
    for number in range(keys.PER_MINUTE):
        await known.at(f"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-{number}.pem")
    with pytest.raises(TransientError, match="too many keys"):
        await known.at("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-x.pem")
    clock.now = 61
    await known.at("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-x.pem")
    assert published.asked == keys.PER_MINUTE + 1


async def test_a_subscription_is_confirmed_by_asking_its_address_once_it_is_proven() -> None:
    """Not before: the signature is looked at first."""
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    topic = "arn:aws:sns:eu-west-1:123456789012:ecr"
    asked: list[str] = []

    async def fetch(address: str) -> bytes:
        asked.append(address)
        return issued("sns").pem

    app = receiver(Keys(fetch), topic)
    message = sns_message(
        "sns", {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "m", "SubscribeURL": url}
    )
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        forged = message | {"Token": "other"}
        assert (await client.post("/sns", json=forged, headers=headers)).status_code == 401
        assert url not in asked
        assert (await client.post("/sns", json=message, headers=headers)).json() == {"confirmed": True}
    assert asked[-1] == url


async def test_a_handshake_gets_the_answer_that_it_wants() -> None:
    """With 200 and nothing posted."""
    app = receiver(Keys(), "s3cret")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        answer = await client.post("/eventgrid/s3cret", json=payloads.HANDSHAKE)
        assert (answer.status_code, answer.json()) == (
            200,
            {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"},
        )
        assert (await client.post("/eventgrid/other", json=payloads.HANDSHAKE)).status_code == 401


async def test_the_good_events_of_an_envelope_are_posted_and_the_bad_ones_named() -> None:
    """In the answer and in the log, with 2xx: the registry would hold back everything behind it."""
    taken: list[Event] = []

    async def post(events: tuple[Event, ...]) -> int:
        taken.extend(events)
        return len(events)

    app = receiver(Keys(), "token", post)
    body = {"events": [{"id": 3, "action": "push"}, *payloads.REGISTRY["events"]]}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        answer = await client.post("/registry", json=body, headers={"Authorization": "Bearer token"})
    assert (answer.status_code, answer.json()["events"], len(taken)) == (202, 1, 1)
    assert answer.json()["refused"][0].startswith("events[0].target:")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"x" * (keys.MOST_BYTES + 1 if self.path == "/long" else 3)
        self.send_response({"/moved": 302, "/gone": 404}.get(self.path, 200))
        self.send_header("Location", "/ok")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def address() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_only_a_short_answer_of_the_place_itself_is_taken(address: str) -> None:
    """A redirect could lead anywhere, and keys are small."""
    assert await fetched(f"{address}/ok") == b"xxx"
    for path in ("moved", "gone", "long"):
        with pytest.raises(TransientError, match=r"127\.0\.0\.1 answers"):
            await fetched(f"{address}/{path}")
    with pytest.raises(TransientError, match="does not answer"):
        await fetched("http://127.0.0.1:9/")


class Issuer(http.server.BaseHTTPRequestHandler):
    """An OpenID Connect issuer; `said` is its document of discovery, in which HERE is its own address."""

    said: ClassVar[dict[str, str]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        here = f"http://{self.headers['Host']}"
        self.asked.append(self.path)
        if self.path == "/keys":
            body = google_keys("google-1")
        else:
            body = json.dumps({key: value.replace("HERE", here) for key, value in self.said.items()}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def issuer() -> Iterator[str]:
    Issuer.said, Issuer.asked = {"issuer": "HERE", "jwks_uri": "HERE/keys"}, []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_an_issuer_s_keys_are_where_its_document_says(issuer: str) -> None:
    """Two requests, and what was found is kept as other keys are."""
    sut = Keys()
    for _ in range(2):
        assert await sut.at(f"{issuer}/.well-known/openid-configuration") == google_keys("google-1")
    assert Issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"issuer": "https://other.example", "jwks_uri": "HERE/keys"}, "speaks for another issuer"),
        ({"issuer": "HERE"}, "says no issuer and jwks_uri"),
        ({"issuer": "HERE", "jwks_uri": "file:///etc/passwd"}, "not as safe as its own"),
    ],
)
async def test_an_issuer_that_speaks_for_another_or_nowhere_is_not_believed(
    issuer: str, said: dict[str, str], why: str
) -> None:
    Issuer.said = said
    with pytest.raises(TransientError, match=why):
        await fetched(f"{issuer}/.well-known/openid-configuration")
    assert Issuer.asked == ["/.well-known/openid-configuration"]
