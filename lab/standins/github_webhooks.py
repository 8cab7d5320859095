"""The webhooks GitHub sends: their payloads, held to GitHub's published models, and their signed delivery.

GitHub itself sends each webhook once and leaves redelivery to a person or a script; this stand-in plays that script
too: a delivery that meets no receiver, or a 5xx, is sent again with the same delivery id until it is taken.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx
from githubkit.webhooks import parse_obj
from githubkit_schemas.latest.models import WebhookPackagePublished, WebhookPush, WebhookRegistryPackagePublished
from pydantic import BaseModel

from lab.standins.journal import Journal
from lab.standins.minimal import minimal_document

NOTHING = "0" * 40
PACKAGE_EVENTS: dict[str, type[BaseModel]] = {
    "registry_package": WebhookRegistryPackagePublished,
    "package": WebhookPackagePublished,
}
RETRY_EVERY_S = 1.0
GIVE_UP_AFTER_S = 60.0
ANSWER_WITHIN_S = 10.0


def push_payload(repository: str, ref: str, before: str, after: str, clone_url: str) -> dict[str, Any]:
    """A ``push`` payload as GitHub sends it after commits arrived on a branch or a tag."""
    commit = {"id": after, "tree_id": after, "message": "pushed to the lab's git server", "distinct": True}
    return minimal_document(
        WebhookPush,
        {
            "ref": ref,
            "before": before,
            "after": after,
            "created": before == NOTHING,
            "deleted": after == NOTHING,
            "head_commit": None if after == NOTHING else commit,
            "commits": [] if after == NOTHING else [commit],
            "pusher": {"name": "lab"},
            "repository": {**_repository(repository), "clone_url": clone_url},
        },
    )


def package_payload(event: str, name: str, tag: str, digest: str, url: str) -> dict[str, Any]:
    """A ``registry_package`` or ``package`` payload for a published container image."""
    namespace, _, short = name.rpartition("/")
    version = {
        "version": digest,
        "package_url": f"{url}:{tag}",
        "container_metadata": {"tag": {"name": tag, "digest": digest}},
    }
    package = {"name": short, "namespace": namespace, "package_type": "CONTAINER", "package_version": version}
    return minimal_document(PACKAGE_EVENTS[event], {"action": "published", event: package})


def _repository(full_name: str) -> dict[str, Any]:
    owner, _, name = full_name.rpartition("/")
    login = owner or "lab"
    return {
        "name": name,
        "full_name": f"{login}/{name}",
        "default_branch": "main",
        "owner": {"login": login, "name": login},
    }


class Deliveries:
    """Signs payloads, sends them, and keeps what became of each."""

    def __init__(self, receiver: str, secret: str, journal: Journal) -> None:
        self._receiver = receiver
        self._secret = secret.encode()
        self._journal = journal
        self._sent: dict[str, tuple[str, bytes]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def send(self, event: str, payload: dict[str, Any]) -> str:
        """Start a delivery of a payload that GitHub's models accept, and say its id.

        Raises:
            pydantic.ValidationError: GitHub would never send this.
        """
        parse_obj(event, payload)
        delivery = str(uuid.uuid4())
        self._sent[delivery] = (event, json.dumps(payload).encode())
        self.redeliver(delivery)
        return delivery

    def redeliver(self, delivery: str) -> None:
        """Send a delivery again, byte for byte and under the same id.

        Raises:
            KeyError: there was no such delivery.
        """
        event, body = self._sent[delivery]
        task = asyncio.get_running_loop().create_task(self._until_taken(delivery, event, body))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _until_taken(self, delivery: str, event: str, body: bytes) -> None:
        give_up = time.monotonic() + GIVE_UP_AFTER_S
        async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S, trust_env=False) as client:
            while True:
                status = await self._attempt(client, delivery, event, body)
                if (status is not None and status < 500) or time.monotonic() >= give_up:
                    return
                await asyncio.sleep(RETRY_EVERY_S)

    async def _attempt(self, client: httpx.AsyncClient, delivery: str, event: str, body: bytes) -> int | None:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/lab",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
            "X-GitHub-Hook-ID": "1",
            "X-Hub-Signature-256": "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest(),
        }
        status, why = None, ""
        try:
            status = (await client.post(self._receiver, content=body, headers=headers)).status_code
        except httpx.HTTPError as error:
            why = repr(error)
        self._journal.add({"delivery": delivery, "event": event, "status": status, "why": why})
        return status
