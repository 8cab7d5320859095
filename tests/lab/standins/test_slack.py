"""The Slack stand-in: Slack's own client can use it, and what Slack would refuse is refused."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

TOKEN = "xoxb-test"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*shop* 1.2.0 is on its way"}}


def button(text: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": text}]}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    state = str(tmp_path_factory.mktemp("slack"))
    command = [sys.executable, "-m", "lab.standins.slack", "--port", port, "--state-dir", state, "--token", TOKEN]
    process = subprocess.Popen(command)
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        try:
            httpx.get(f"http://127.0.0.1:{port}/-/messages", timeout=5, trust_env=False)
            break
        except httpx.ConnectError:
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def client(url: str) -> WebClient:
    return WebClient(token=TOKEN, base_url=url + "/api/", timeout=10)


def messages(url: str) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = httpx.get(url + "/-/messages", timeout=10, trust_env=False).json()
    return kept


def refused(url: str) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = httpx.get(url + "/-/refused", timeout=10, trust_env=False).json()
    return kept


def error_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])


def test_a_message_is_kept_with_its_instant(url: str, client: WebClient) -> None:
    """A message that Slack's client posted is there to read, as it was posted."""
    answer = client.chat_postMessage(channel="#deliveries", text="shop 1.2.0", blocks=[SECTION])
    kept = messages(url)[-1]
    assert (kept["channel"], kept["ts"]) == (answer["channel"], answer["ts"]) == ("C0DELIVERIES", answer["ts"])
    assert (kept["message"]["text"], kept["message"]["blocks"]) == ("shop 1.2.0", [SECTION])
    assert abs(kept["at"] - float(kept["ts"])) < 60


def test_an_update_changes_the_message_in_place(url: str, client: WebClient) -> None:
    """chat.update leaves one message, with the new text."""
    first = client.chat_postMessage(channel="C0DELIVERIES", text="10 %")
    before = len(messages(url))
    client.chat_update(channel=first["channel"], ts=first["ts"], text="20 %")
    assert len(messages(url)) == before
    assert messages(url)[-1]["message"]["text"] == "20 %"


def test_an_answer_goes_into_the_thread(url: str, client: WebClient) -> None:
    """A message may name the thread of one that exists, and no other."""
    first = client.chat_postMessage(channel="deliveries", text="start")
    client.chat_postMessage(channel="deliveries", text="step", thread_ts=first["ts"])
    assert messages(url)[-1]["message"]["thread_ts"] == first["ts"]
    wrong = error_of(client.chat_postMessage, channel="deliveries", text="x", thread_ts="1000000000.000001")
    assert wrong == "thread_not_found"


@pytest.mark.parametrize(
    "block",
    [
        SECTION,
        {"type": "header", "text": {"type": "plain_text", "text": "shop"}},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "99.9 %"}]},
        {**SECTION, "fields": [{"type": "mrkdwn", "text": "*weight* 10"}]},
        button({"type": "plain_text", "text": "Promote"}),
    ],
    ids=["section", "header", "divider", "context", "fields", "button"],
)
def test_blocks_that_slack_knows_are_taken(client: WebClient, block: dict[str, Any]) -> None:
    """The blocks a delivery's messages are made of pass."""
    assert client.chat_postMessage(channel="deliveries", text="x", blocks=[block])["ok"]


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "sectoin", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "section"}],
        [{"type": "section", "text": "a bare string"}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{**SECTION, "colour": "red"}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "size": 3}}],
        [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "context", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}}]}],
        [button({"type": "mrkdwn", "text": "x"})],
        [button({"type": "plain_text", "text": "x" * 76})],
        [{**SECTION, "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "divider"}] * 51,
        ["x"],
    ],
)
def test_blocks_that_slack_does_not_know_are_refused(url: str, client: WebClient, blocks: list[Any]) -> None:
    """A wrong block is answered invalid_blocks, kept as refused, and posts nothing."""
    before, known = len(messages(url)), len(refused(url))
    assert error_of(client.chat_postMessage, channel="deliveries", text="x", blocks=blocks) == "invalid_blocks"
    assert (len(messages(url)), len(refused(url))) == (before, known + 1)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "deliveries"}, "no_text"),
        ({"channel": "deliveries", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "deliveries", "text": "x", "thread": "1"}, "invalid_arguments"),
        ({"channel": "deliveries", "text": "x", "blocks": "[{"}, "invalid_blocks_format"),
    ],
)
def test_a_wrong_message_is_refused_with_slacks_own_word(
    client: WebClient, arguments: dict[str, Any], error: str
) -> None:
    """Each mistake has the error code Slack gives it."""
    assert error_of(client.chat_postMessage, **arguments) == error


def test_an_update_needs_the_channels_id_and_a_message(client: WebClient) -> None:
    """chat.update takes no channel name, and no message that was never posted."""
    first = client.chat_postMessage(channel="deliveries", text="x")
    assert error_of(client.chat_update, channel="deliveries", ts=first["ts"], text="y") == "channel_not_found"
    unknown = {"channel": first["channel"], "ts": "1000000000.000001", "text": "y"}
    assert error_of(client.chat_update, **unknown) == "message_not_found"


@pytest.mark.parametrize(("token", "error"), [("xoxb-other", "invalid_auth"), ("", "not_authed")])
def test_a_stranger_is_refused(url: str, token: str, error: str) -> None:
    """Nothing is posted without the workspace's token."""
    before = len(messages(url))
    assert (
        error_of(WebClient(token=token, base_url=url + "/api/").chat_postMessage, channel="deliveries", text="x")
        == error
    )
    assert len(messages(url)) == before


def test_an_unknown_method_is_refused(client: WebClient) -> None:
    """A method the stand-in does not have is no success."""
    assert error_of(client.api_call, api_method="chat.shout") == "unknown_method"


def test_the_client_is_told_to_wait_when_slack_is_busy(url: str, client: WebClient) -> None:
    """A limited call is answered 429 with the seconds to wait; the next one passes."""
    httpx.post(url + "/-/limit", json={"times": 1, "retry_after": 7}, timeout=10, trust_env=False)
    with pytest.raises(SlackApiError) as caught:
        client.auth_test()
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    assert client.auth_test()["team"] == "lab"


def test_an_incoming_webhook_takes_and_refuses_alike(url: str) -> None:
    """The webhook's plain answers say the same as the API's codes."""
    hook = WebhookClient(f"{url}/services/T0/B0/{TOKEN}")
    assert hook.send(text="by webhook").body == "ok"
    assert messages(url)[-1]["message"]["text"] == "by webhook"
    assert (hook.send(blocks=[{"type": "section"}]).status_code, hook.send().body) == (400, "no_text")
    assert WebhookClient(f"{url}/services/T0/B0/other").send(text="x").status_code == 403
