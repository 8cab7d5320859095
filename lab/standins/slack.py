"""A stand-in for Slack's Web API and incoming webhooks: ``python -m lab.standins.slack --port P --state-dir DIR``.

Like Slack it answers 200 with ``{"ok": false, "error": …}`` when it refuses (:mod:`lab.standins.slack_rules` says on
what grounds), and keeps posted messages so that ``chat.update`` works on them. In addition to Slack's own paths:

- ``GET /-/messages``: the messages as they stand, with the instant each was accepted (``at``) and last changed;
- ``GET /-/refused``: every refused call with its reason;
- ``POST /-/people``, ``POST /-/groups``: who is in the workspace, as ``users.info`` and ``usergroups.list`` have them;
- ``POST /actions/{id}``: the ``response_url`` of a press or a command; ``GET /-/answers`` has what was said there;
- ``POST /-/limit {"times": n, "retry_after": s}``: the next n API calls are answered 429, as when Slack is busy.
"""

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lab.standins.journal import Journal
from lab.standins.serve import arguments, secret, serve
from lab.standins.slack_rules import RefusedError, check_arguments, check_content

CHANNELS = {"C0DELIVERIES": "deliveries", "C0RELEASES": "releases", "C0ALERTS": "alerts"}
TIMESTAMP = re.compile(r"^\d{10}\.\d{6}$")
BOT = {"user": "sluice", "user_id": "U0SLUICE", "bot_id": "B0SLUICE", "team": "lab", "team_id": "T0LAB"}
JSON_FIELDS = ("blocks", "attachments", "metadata")


class Workspace:
    """One Slack workspace: its channels and messages, and the methods that act on them."""

    def __init__(self, state_dir: Path) -> None:
        self.accepted = Journal(state_dir, "slack-accepted")
        self.refused = Journal(state_dir, "slack-refused")
        self.messages: list[dict[str, Any]] = []
        self.people: dict[str, dict[str, Any]] = {}
        self.groups: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self._last = 0
        self.methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": self.auth_test,
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "users.info": self.users_info,
            "usergroups.list": self.usergroups_list,
            "conversations.list": self.conversations_list,
            "conversations.info": self.conversations_info,
            "conversations.join": self.conversations_info,
        }

    def call(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if method not in self.methods:
            raise RefusedError("unknown_method", method)
        return self.methods[method](given)

    def auth_test(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("auth.test", given)
        return {"url": "https://lab.slack.com/", **BOT}

    def post_message(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("chat.postMessage", given, required=("channel",))
        channel = self.channel(given["channel"])
        check_content(given)
        thread = given.get("thread_ts")
        if thread is not None and not self._find(channel, str(thread)):
            raise RefusedError("thread_not_found", str(thread))
        message = self._keep(channel, given, "chat.postMessage")
        return {"channel": channel, "ts": message["ts"], "message": message["message"]}

    def update(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("chat.update", given, required=("channel", "ts"))
        if given["channel"] not in CHANNELS:
            raise RefusedError("channel_not_found", "chat.update takes a channel's id, not its name")
        check_content(given)
        message = self._find(given["channel"], given["ts"])
        if message is None:
            raise RefusedError("message_not_found", given["ts"])
        message["message"] |= _shown(given)
        message["changed_at"] = self.accepted.add({"method": "chat.update", **given})["at"]
        text = message["message"].get("text", "")
        return {"channel": given["channel"], "ts": given["ts"], "text": text, "message": message["message"]}

    def users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("users.info", given, required=("user",))
        if given["user"] not in self.people:
            raise RefusedError("user_not_found", given["user"])
        return {"user": {"id": given["user"], "team_id": BOT["team_id"], **self.people[given["user"]]}}

    def usergroups_list(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("usergroups.list", given)
        return {"usergroups": self.groups}

    def conversations_list(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("conversations.list", given)
        channels = [_described(identity) for identity in CHANNELS]
        return {"channels": channels, "response_metadata": {"next_cursor": ""}}

    def conversations_info(self, given: dict[str, Any]) -> dict[str, Any]:
        check_arguments("conversations.info", given, required=("channel",))
        if given["channel"] not in CHANNELS:
            raise RefusedError("channel_not_found", given["channel"])
        return {"channel": _described(given["channel"])}

    def webhook(self, given: dict[str, Any]) -> None:
        check_content(given)
        self._keep("C0DELIVERIES", given, "incoming webhook")

    def channel(self, wanted: str) -> str:
        """The id of a channel that is named by id, by name or by ``#name``."""
        for identity, name in CHANNELS.items():
            if wanted.lstrip("#") in (identity, name):
                return identity
        raise RefusedError("channel_not_found", wanted)

    def _find(self, channel: str, ts: str) -> dict[str, Any] | None:
        if not TIMESTAMP.match(ts):
            raise RefusedError("invalid_arguments", f"not a message timestamp: {ts}")
        return next((m for m in self.messages if (m["channel"], m["ts"]) == (channel, ts)), None)

    def _keep(self, channel: str, given: dict[str, Any], method: str) -> dict[str, Any]:
        # A timestamp is a message's identity within its channel, so no two may share one.
        self._last = max(self._last + 1, time.time_ns() // 1000)
        ts = f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
        kept = self.accepted.add({"method": method, **given, "channel": channel, "ts": ts})
        message = {"type": "message", "ts": ts, "user": BOT["user_id"], "bot_id": BOT["bot_id"], **_shown(given)}
        self.messages.append({"at": kept["at"], "channel": channel, "ts": ts, "via": method, "message": message})
        return self.messages[-1]


def _shown(given: dict[str, Any]) -> dict[str, Any]:
    fields = ("text", "blocks", "attachments", "thread_ts", "metadata", "markdown_text")
    return {name: given[name] for name in fields if given.get(name) is not None}


def _described(identity: str) -> dict[str, Any]:
    return {"id": identity, "name": CHANNELS[identity], "is_channel": True, "is_member": True, "is_archived": False}


class Server:
    """Slack's HTTP side: authentication, encodings, status codes."""

    def __init__(self, workspace: Workspace, token: str) -> None:
        self._workspace = workspace
        self._token = token
        self._limit = {"times": 0, "retry_after": 1}

    async def api(self, request: Request) -> Response:
        method = request.path_params["method"]
        if self._limit["times"] > 0:
            self._limit["times"] -= 1
            again = {"Retry-After": str(self._limit["retry_after"])}
            return JSONResponse({"ok": False, "error": "ratelimited"}, status_code=429, headers=again)
        given: dict[str, Any] = {}
        try:
            given = await _arguments(request)
            self._authenticate(request, given)
            return JSONResponse({"ok": True, **self._workspace.call(method, given)})
        except RefusedError as refused:
            self._workspace.refused.add({"method": method, "error": refused.code, "why": str(refused), "call": given})
            answer: dict[str, Any] = {"ok": False, "error": refused.code}
            if refused.detail:
                answer["response_metadata"] = {"messages": [refused.detail]}
            return JSONResponse(answer)

    def _authenticate(self, request: Request, given: dict[str, Any]) -> None:
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ") if header.startswith("Bearer ") else given.pop("token", "")
        if not token:
            raise RefusedError("not_authed")
        if token != self._token:
            raise RefusedError("invalid_auth")

    async def webhook(self, request: Request) -> Response:
        """``/services/T…/B…/<the token>``: plain text answers, and the status code says whether it was taken."""
        if request.path_params["key"] != self._token:
            self._workspace.refused.add({"method": "incoming webhook", "error": "invalid_token"})
            return PlainTextResponse("invalid_token", status_code=403)
        given: dict[str, Any] = {}
        try:
            given = await _arguments(request)
            if isinstance(given.get("payload"), str):
                given = _object(given["payload"])
            self._workspace.webhook(given)
        except RefusedError as refused:
            code = "invalid_payload" if refused.code in ("invalid_json", "json_not_object") else refused.code
            self._workspace.refused.add(
                {"method": "incoming webhook", "error": code, "why": str(refused), "call": given}
            )
            return PlainTextResponse(code, status_code=400)
        return PlainTextResponse("ok")

    async def messages(self, _: Request) -> Response:
        return JSONResponse(self._workspace.messages)

    async def refused(self, _: Request) -> Response:
        return JSONResponse(self._workspace.refused.entries)

    async def known(self, request: Request) -> Response:
        """People by their id, or a list of groups."""
        given = json.loads(await request.body())
        if isinstance(given, list):
            self._workspace.groups = given
        else:
            self._workspace.people |= given
        return JSONResponse({"people": len(self._workspace.people), "groups": len(self._workspace.groups)})

    async def answer(self, request: Request) -> Response:
        """A ``response_url``: needs no token, and takes what a message is."""
        given = _object((await request.body()).decode())
        try:
            check_content({name: given[name] for name in ("text", "blocks") if given.get(name) is not None})
        except RefusedError as refused:
            return PlainTextResponse(refused.code, status_code=400)
        self._workspace.answers.append({"to": request.path_params["id"], **given})
        return PlainTextResponse("ok")

    async def answers(self, _: Request) -> Response:
        return JSONResponse(self._workspace.answers)

    async def limit(self, request: Request) -> Response:
        self._limit |= _object((await request.body()).decode())
        return JSONResponse(self._limit)


async def _arguments(request: Request) -> dict[str, Any]:
    """The call's arguments from a JSON body, a form, or the query, as Slack takes them."""
    body = (await request.body()).decode("utf-8", "replace")
    if request.headers.get("content-type", "").startswith("application/json"):
        return _object(body or "{}")
    fields: dict[str, Any] = dict(request.query_params) | {k: v[-1] for k, v in parse_qs(body).items()}
    for name in JSON_FIELDS:
        if isinstance(fields.get(name), str):
            fields[name] = _decoded(fields[name], f"invalid_{name}_format" if name == "blocks" else "invalid_json")
    return fields


def _object(text: str) -> dict[str, Any]:
    value = _decoded(text, "invalid_json")
    if not isinstance(value, dict):
        raise RefusedError("json_not_object")
    return value


def _decoded(text: str, error: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as cause:
        raise RefusedError(error, str(cause)) from cause


def application(state_dir: Path, token: str) -> Starlette:
    """The stand-in as an ASGI application."""
    server = Server(Workspace(state_dir), token)
    return Starlette(
        routes=[
            Route("/api/{method}", server.api, methods=["GET", "POST"]),
            Route("/services/{team}/{bot}/{key}", server.webhook, methods=["POST"]),
            Route("/-/messages", server.messages),
            Route("/-/refused", server.refused),
            Route("/-/limit", server.limit, methods=["POST"]),
            Route("/-/people", server.known, methods=["POST"]),
            Route("/-/groups", server.known, methods=["POST"]),
            Route("/actions/{id}", server.answer, methods=["POST"]),
            Route("/-/answers", server.answers),
        ]
    )


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token", help="bearer token callers need; else one is made and kept in the state folder")


if __name__ == "__main__":
    asked = arguments("stand-in for Slack", _options)
    serve(application(asked.state_dir, secret(asked.state_dir, "slack.token", asked.token, "xoxb-")), asked.port)
