"""GitLab's webhooks → events: pushes to branches and tags, and releases.

Its container registry is a CNCF Distribution and sends its own notifications, to `/registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sluice.events.call import Call
from sluice.events.model import Event
from sluice.events.senders.base import Field, Parsed, body_of, header
from sluice.events.senders.git import NOTHING, TAGS, moved, reference
from sluice.events.verification.base import Verification
from sluice.events.verification.header_token import HeaderToken

PROOF = HeaderToken(header="X-Gitlab-Token")
DELIVERIES = ("Idempotency-Key", "X-Gitlab-Event-UUID")
"""Headers with GitLab's own name for a delivery, the better one first; versions before 14.8 have neither."""


@dataclass(frozen=True, slots=True)
class GitLab:
    """A webhook of a project or a group, or a system hook, with a secret token."""

    name: str = "gitlab"
    path: str = "/gitlab"
    secret: str = "gitlab_token"  # noqa: S105 - the name of a setting
    limit: int = 25 * 1024 * 1024
    verification: Verification = PROOF

    def parse(self, call: Call) -> Parsed:
        """What a webhook reports; merge requests, pipelines and the rest are not ours."""
        header(call.headers, "X-Gitlab-Event")
        body = body_of(call)
        kind = body["object_kind"].value or body["event_name"].value
        meaning = MEANINGS.get(str(kind))
        if meaning is None:
            return Parsed()
        named = next((call.headers[name] for name in DELIVERIES if call.headers.get(name)), call.at.isoformat())
        return Parsed(tuple(meaning(named, body)))


def _pushed(delivery: str, body: Field) -> list[Event]:
    ref, after = reference(body["ref"].text), body["after"].text
    if not ref or after in NOTHING:
        return []
    commit = body["checkout_sha"].value
    return [*_moved(delivery, body, ref, commit if isinstance(commit, str) else after)]


def _released(delivery: str, body: Field) -> list[Event]:
    if body["action"].text != "create":
        return []
    return [*_moved(delivery, body, f"{TAGS}{body['tag'].text}")]


def _moved(delivery: str, body: Field, ref: str, commit: str = "") -> list[Event]:
    project = body["project"]
    urls = [project["git_http_url"].text]
    if isinstance(project["git_ssh_url"].value, str):
        urls.append(project["git_ssh_url"].text)
    return [*moved(f"{delivery}/{urls[0]}/{ref}", urls, ref, commit)]


MEANINGS: Mapping[str, Callable[[str, Field], list[Event]]] = {
    "push": _pushed,
    "tag_push": _pushed,
    "release": _released,
}
