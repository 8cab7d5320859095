"""The GitHub stand-in: a client generated from GitHub's description can use it, and its webhooks are GitHub's."""

import hashlib
import hmac
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from githubkit import GitHub
from githubkit.exception import RequestFailed
from githubkit.webhooks import parse_obj

from lab.processes.child import Child
from lab.standins.github_webhooks import push_payload
from lab.standins.minimal import minimal_document

TOKEN, SECRET = "ghp_test", "s3cret"
PUSHED = {"repository": "lab/shop", "ref": "refs/heads/main", "before": "1" * 40, "after": "2" * 40}
IMAGE = {"name": "lab/shop", "tag": "1.1.0", "digest": "sha256:" + "a" * 64, "url": "127.0.0.1:15000/lab/shop"}


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks, or refuses the next few with the statuses it is given."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))  # type: ignore[attr-defined]
        answers = self.server.answers  # type: ignore[attr-defined]
        self.send_response(answers.pop(0) if answers else 202)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver.received, receiver.answers = [], []  # type: ignore[attr-defined]
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture(scope="module")
def url(server: ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = tmp_path_factory.mktemp("github")
    receiver = f"http://127.0.0.1:{server.server_port}/github"
    options = ["--port", str(port), "--state-dir", str(state), "--token", TOKEN, "--secret", SECRET]
    command = [sys.executable, "-m", "lab.standins.github", *options, "--receiver", receiver]
    child = Child.started("github stand-in", command, state / "log")
    base = f"http://127.0.0.1:{port}"
    child.wait_until(lambda: answers(base), 30, "serving")
    yield base
    child.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(url + "/-/calls", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def received(server: ThreadingHTTPServer) -> list[tuple[dict[str, str], bytes]]:
    got: list[tuple[dict[str, str], bytes]] = server.received  # type: ignore[attr-defined]
    got.clear()
    return got


@pytest.fixture
def client(url: str) -> GitHub[Any]:
    return GitHub(TOKEN, base_url=url, timeout=10, auto_retry=False)


def tell(url: str, path: str, said: dict[str, Any]) -> httpx.Response:
    return httpx.post(url + path, json=said, timeout=10, trust_env=False)


def read(url: str, path: str) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = httpx.get(url + path, timeout=10, trust_env=False).json()
    return kept


def eventually(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def test_a_push_reaches_the_receiver_signed(url: str, received: list[tuple[dict[str, str], bytes]]) -> None:
    """The push webhook carries GitHub's headers, a signature over its exact bytes, and a payload of GitHub's kind."""
    delivery = tell(url, "/-/pushed", PUSHED).json()["delivery"]
    eventually(lambda: len(received) == 1, "the push was not delivered")

    headers, body = received[0]
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == signature
    assert (headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]) == ("push", delivery)
    payload = parse_obj("push", json.loads(body))
    assert (payload.ref, payload.before, payload.after) == (PUSHED["ref"], PUSHED["before"], PUSHED["after"])
    assert payload.repository.full_name == "lab/shop"
    assert json.loads(body)["repository"]["clone_url"].endswith("/shop.git")


@pytest.mark.parametrize("event", ["registry_package", "package"])
def test_a_published_image_reaches_the_receiver(
    url: str, received: list[tuple[dict[str, str], bytes]], event: str
) -> None:
    """An image's webhook names it by tag and digest where GitHub puts them."""
    tell(url, "/-/published", {**IMAGE, "event": event})
    eventually(lambda: len(received) == 1, "the image was not announced")
    headers, body = received[0]
    parse_obj(event, json.loads(body))
    package = json.loads(body)[event]
    assert headers["X-GitHub-Event"] == event
    assert (package["namespace"], package["name"], package["package_type"]) == ("lab", "shop", "CONTAINER")
    assert package["package_version"]["container_metadata"]["tag"] == {"name": "1.1.0", "digest": IMAGE["digest"]}


def test_a_delivery_is_repeated_until_it_is_taken(
    url: str, server: ThreadingHTTPServer, received: list[tuple[dict[str, str], bytes]]
) -> None:
    """After a 5xx the same bytes come again under the same id; after a 2xx they do not."""
    server.answers[:] = [503, 500]  # type: ignore[attr-defined]
    delivery = tell(url, "/-/pushed", PUSHED).json()["delivery"]
    eventually(lambda: len(received) == 3, "the delivery was not repeated")
    assert {headers["X-GitHub-Delivery"] for headers, _ in received} == {delivery}
    assert len({body for _, body in received}) == 1
    attempts = [one["status"] for one in read(url, "/-/deliveries") if one["delivery"] == delivery]
    assert attempts == [503, 500, 202]


def test_a_refused_delivery_is_not_repeated(
    url: str, server: ThreadingHTTPServer, received: list[tuple[dict[str, str], bytes]]
) -> None:
    """A 4xx is the receiver's last word; only a person's redelivery sends it again, under the same id."""
    server.answers[:] = [401]  # type: ignore[attr-defined]
    delivery = tell(url, "/-/pushed", PUSHED).json()["delivery"]
    eventually(lambda: len(received) == 1, "the push was not delivered")
    tell(url, "/-/redeliver", {"delivery": delivery})
    eventually(lambda: len(received) == 2, "the push was not delivered again")
    assert {headers["X-GitHub-Delivery"] for headers, _ in received} == {delivery}
    assert [one["status"] for one in read(url, "/-/deliveries") if one["delivery"] == delivery] == [401, 202]


@pytest.mark.parametrize(
    ("path", "said"),
    [("/-/pushed", {"repository": "shop"}), ("/-/pushed", {**PUSHED, "after": 7}), ("/-/published", {"name": "x"})],
)
def test_the_stand_in_sends_nothing_that_github_would_not(
    url: str, received: list[tuple[dict[str, str], bytes]], path: str, said: dict[str, Any]
) -> None:
    """A payload that GitHub's models refuse is never sent."""
    assert tell(url, path, said).status_code == 400
    assert received == []


def test_a_commit_status_can_be_set_and_read(client: GitHub[Any]) -> None:
    """GitHub's own generated client sets a status and reads it back."""
    status = {"state": "success", "context": "sluice/shop", "description": "promoted"}
    client.rest.repos.create_commit_status("lab", "shop", "2" * 40, **status)
    kept = client.rest.repos.list_commit_statuses_for_ref("lab", "shop", "2" * 40).parsed_data
    assert [(one.state, one.context) for one in kept] == [("success", "sluice/shop")]


def test_a_pull_request_can_be_opened_listed_commented_and_closed(client: GitHub[Any], url: str) -> None:
    """The life of a pull request, through GitHub's own generated client."""
    opened = client.rest.pulls.create("lab", "flags", title="Remove a flag", head="remove-x", base="main").parsed_data
    client.rest.issues.create_comment("lab", "flags", opened.number, body="please look")
    client.rest.pulls.update("lab", "flags", opened.number, state="closed")
    listed = client.rest.pulls.list("lab", "flags", state="all").parsed_data
    assert [(one.number, one.state, one.title) for one in listed] == [(opened.number, "closed", "Remove a flag")]
    assert read(url, "/-/calls")[-2]["body"] == {"state": "closed"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/repos/lab/shop/statuses/" + "2" * 40, {"state": "great"}, 422),
        ("POST", "/repos/lab/shop/statuses/" + "2" * 40, {}, 422),
        ("POST", "/repos/lab/shop/statuses/" + "2" * 40, {"state": "success", "colour": "green"}, 422),
        ("POST", "/repos/lab/shop/pulls", {"title": "x", "head": "y"}, 422),
        ("PATCH", "/repos/lab/shop/pulls/99", {"state": "closed"}, 404),
        ("GET", "/repos/lab/shop/secrets", None, 404),
    ],
)
def test_a_wrong_call_is_refused_and_kept(url: str, method: str, path: str, body: Any, status: int) -> None:
    """What GitHub's description does not allow gets GitHub's status and is there to be read."""
    before = len(read(url, "/-/refused"))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx.request(method, url + path, json=body, headers=headers, timeout=10, trust_env=False)
    assert answer.status_code == status
    assert read(url, "/-/refused")[before]["path"] == path


def test_a_stranger_is_refused(url: str) -> None:
    """REST calls need the token."""
    stranger = GitHub("ghp_other", base_url=url, auto_retry=False)
    with pytest.raises(RequestFailed) as caught:
        stranger.rest.repos.create_commit_status("lab", "shop", "2" * 40, state="success")
    assert caught.value.response.status_code == 401


def test_a_known_value_without_a_place_is_an_error() -> None:
    """A slip in the stand-in's own words cannot vanish inside a payload."""
    from githubkit_schemas.latest.models import WebhookPush

    with pytest.raises(KeyError, match="reff"):
        minimal_document(WebhookPush, {"reff": "refs/heads/main"})


def test_a_deleted_branch_has_no_head_commit() -> None:
    """GitHub's push of a deletion carries no commit."""
    payload = push_payload("shop", "refs/heads/x", "1" * 40, "0" * 40, "http://127.0.0.1/shop.git")
    assert (payload["deleted"], payload["head_commit"], payload["commits"]) == (True, None, [])
