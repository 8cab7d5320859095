"""Bitbucket's webhooks → events: pushes, of the cloud and of the server (Data Center), which say the same differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.model import Event
from sluice.events.senders.base import Field, Parsed, body_of, header
from sluice.events.senders.git import NOTHING, TAGS, moved, reference
from sluice.events.verification.base import Verification
from sluice.events.verification.signature import BodySignature

PROOF = BodySignature(header="X-Hub-Signature", prefix="sha256=")
PING = "diagnostics:ping"
DELIVERIES = ("X-Request-UUID", "X-Request-Id")
"""Headers with the name of a delivery: of the cloud, of the server."""


@dataclass(frozen=True, slots=True)
class Bitbucket:
    """A webhook of a repository, trigger "Repository push", with a secret."""

    name: str = "bitbucket"
    path: str = "/bitbucket"
    secret: str = "bitbucket_secret"  # noqa: S105 - the name of a setting
    limit: int = 25 * 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """What a webhook reports; the server's test of a connection is answered."""
        event = header(call.headers, "X-Event-Key")
        delivery = next((call.headers[name] for name in DELIVERIES if call.headers.get(name)), call.at.isoformat())
        if event == PING:
            return Parsed(pong=delivery)
        meaning = MEANINGS.get(event)
        return Parsed(tuple(meaning(delivery, body_of(call))) if meaning else ())


def _of_cloud(delivery: str, body: Field) -> list[Event]:
    url = body["repository"]["links"]["html"]["href"].text
    events: list[Event] = []
    for change in body["push"]["changes"].items:
        new = change["new"]
        if new.value is None:  # the reference was deleted
            continue
        name = new["name"].text
        ref = f"{TAGS}{name}" if new["type"].text == "tag" else name
        events += moved(f"{delivery}/{ref}", [url], ref, new["target"]["hash"].text)
    return events


def _of_server(delivery: str, body: Field) -> list[Event]:
    links = body["repository"]["links"]["clone"].items
    urls = sorted((link["href"].text for link in links), key=lambda url: not url.startswith("http"))
    events: list[Event] = []
    for change in body["changes"].items:
        ref, commit = reference(change["ref"]["id"].text), change["toHash"].text
        if ref and change["type"].text != "DELETE" and commit not in NOTHING:
            events += moved(f"{delivery}/{ref}", urls, ref, commit)
    return events


MEANINGS: Mapping[str, Callable[[str, Field], list[Event]]] = {
    "repo:push": _of_cloud,
    "repo:refs_changed": _of_server,
}
