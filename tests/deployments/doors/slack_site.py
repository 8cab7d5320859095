"""The doors for Slack in front of a cluster in memory, with the stand-in for Slack at their other side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.chat.base import ChatAddress
from blocks.chat.slack import Slack
from blocks.chat.slack_people import SlackPeople
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from deployments.doors.receiver import application
from deployments.doors.slack.desk import Desk
from deployments.doors.slack.door import COMMANDS, INTERACTIONS, SlackDoor
from deployments.doors.slack.journal import Trail
from deployments.doors.slack.signed import SlackSignature
from lab.standins import slack
from lab.standins.slack_pressing import press, signed, slash
from sluice.gates.answering.buttons import Seal
from sluice.gates.answering.question import question
from sluice.gates.answering.rights import Operators
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gate import Gate
from tests.gates import gate_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest
from tests.served import served

SIGNING, BOT = "signing-secret-of-the-app", "xoxb-of-the-lab"
ALICE, BOB, GUEST, STRANGER = "U0ALICE", "U0BOB", "U0GUEST", "U0STRANGER"
PEOPLE: dict[str, Any] = {
    ALICE: {"profile": {"email": "alice@shop.test"}, "is_email_confirmed": True},
    BOB: {"profile": {"email": "bob@shop.test"}, "is_email_confirmed": True},
    GUEST: {"profile": {"email": "alice@shop.test"}, "is_restricted": True},
    STRANGER: {"profile": {"email": "alice@shop.test"}, "team_id": "T0OTHER"},
}
GROUPS = [{"id": "S0ONCALL", "handle": "on-call", "users": [BOB], "date_delete": 0}]
STATUS: dict[str, Any] = {
    "phase": "WaitingPromotion",
    "canaryWeight": 60,
    "lastAppliedSpec": "r2",
    "step": 2,
    "begunWith": {"version": "1.1.0", "heard": 5, "targetRef": {"kind": "Deployment", "name": NAME}},
}
POINT = "confirm-promotion"


@dataclass
class Site:
    """Both sides, and who presses.

    Attributes:
        now: the clock of the receiver, seconds since the epoch.
    """

    cluster: MemoryCluster
    slack: Slack
    slack_url: str
    http: httpx.AsyncClient
    desk: Desk
    workspace: httpx.AsyncClient
    now: float

    @property
    def canary(self) -> Canary:
        return Canary.parse(self.cluster.now("Canary", NAME, NAMESPACE))

    def gate(self, name: str = "four-eyes") -> Gate:
        return Gate.parse(self.cluster.now("Gate", name, NAMESPACE))

    def kinds(self, gates: Any) -> GateKinds:
        """The kinds of Gates of a worker that asks people here."""
        nothing: Any = None
        ways = Ways(nothing, nothing, nothing, gates, board=self.slack, seal=self.desk.seal)
        return GateKinds(ways)

    def records(self) -> list[dict[str, Any]]:
        found = [item for key, item in self.cluster.objects.items() if key[0] == "AuditRecord"]
        return sorted(found, key=lambda one: int(one["metadata"]["resourceVersion"]))

    def acts(self) -> list[str]:
        return [one["spec"]["act"] for one in self.records()]

    async def ask(self, gate: str = "four-eyes", until: float = 3600.0) -> dict[str, Any]:
        """Post the message of a Gate as a release does; returns it as it is in chat."""
        of = (self.canary, self.gate(gate), POINT, "waits", self.now + until, self.desk.seal)
        await self.slack.say(question(*of, version="1.1.0", revision=self.canary.status.last_applied_spec))
        posted: dict[str, Any] = (await self.workspace.get("/-/messages")).json()[-1]["message"]
        return posted

    async def send(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.post(path, content=body, headers=headers or signed(body, SIGNING, self.now))

    async def press(self, message: dict[str, Any], user: str, word: str = "approve", **more: Any) -> str:
        """What the person who presses is told."""
        body = press(message, word, user, answer_to=f"{self.slack_url}/actions/{user}", **more)
        before = len((await self.workspace.get("/-/answers")).json())
        answer = await self.send(INTERACTIONS, body)
        assert (answer.status_code, answer.content) == (200, b"")
        async with asyncio.timeout(10):
            while len(answers := (await self.workspace.get("/-/answers")).json()) == before:
                await asyncio.sleep(0.005)
        assert answers[-1]["to"] == user
        assert answers[-1]["response_type"] == "ephemeral"
        assert not answers[-1]["replace_original"]
        return str(answers[-1]["text"])

    async def write(self, text: str, user: str, **more: Any) -> str:
        """What the person who writes a command is told."""
        body = slash(text, user, answer_to=f"{self.slack_url}/actions/{user}", **more)
        answer = await self.send(COMMANDS, body)
        assert answer.status_code == 200
        assert answer.json()["response_type"] == "ephemeral"
        return str(answer.json()["text"])


@asynccontextmanager
async def site(folder: Path, operators: tuple[str, ...] = (), **gate: Any) -> AsyncIterator[Site]:
    """A release that waits at a Gate, and Slack around it."""
    cluster = MemoryCluster()
    asks: Any = {"approval": {}, **gate}
    cluster.add(gate_object(at=(POINT,), **asks))
    uid = cluster.now("Gate", "four-eyes", NAMESPACE)["metadata"]["uid"]
    state = {"gate": f"{NAMESPACE}/four-eyes", "uid": uid, "point": POINT, "since": 1.0, "said": "waits"}
    cluster.add(canary_manifest(status={**STATUS, "gates": [state]}))
    async with around(cluster, folder, operators) as there:
        yield there


@asynccontextmanager
async def around(cluster: MemoryCluster, folder: Path, operators: tuple[str, ...] = ()) -> AsyncIterator[Site]:
    """Slack, and the doors for it, around a cluster."""
    async with served(slack.application(folder, BOT)) as url, httpx.AsyncClient(base_url=url) as workspace:
        await workspace.post("/-/people", json=PEOPLE)
        await workspace.post("/-/groups", json=GROUPS)
        chat = Slack.connect(ChatAddress(token=SecretStr(BOT), channel="deliveries", url=f"{url}/api/"))
        it: Any = cluster
        there = Site(cluster, chat, url, workspace, Any, workspace, time.time())  # type: ignore[arg-type]
        trail = Trail(it, "sluice", lambda: there.now)
        there.desk = Desk(it, SlackPeople(chat), trail, Seal(SIGNING), Operators.of(operators))
        hosts = frozenset({urlsplit(url).hostname or ""})
        door = SlackDoor(lambda: there.desk, chat, SIGNING, SlackSignature(lambda: there.now), hosts)
        app = application(None, [], lambda _: None, others=door.routes)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as there.http:
            yield there
