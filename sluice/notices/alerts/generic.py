"""Receiving sides of one's own: the event as JSON, plain or signed (Flux's `generic` and `generic-hmac`)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass

from sluice.notices.alerts.base import Post, Request
from sluice.notices.alerts.happened import CONTROLLER

COMPONENT = "gotk-component"
SIGNATURE = "X-Signature"


@dataclass(frozen=True, slots=True)
class Generic:
    """The event as JSON, with a bearer token where there is one."""

    def request(self, post: Post) -> Request:
        """The event."""
        token = post.token.get_secret_value()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return Request(post.address, post.happened.body(post.metadata), {COMPONENT: CONTROLLER} | headers)

    def refusal(self, _text: str) -> str:
        """Nothing but the status counts."""
        return ""


@dataclass(frozen=True, slots=True)
class Signed:
    """The event as JSON, signed with the Secret's token: `X-Signature: sha256=<hex HMAC of the body>`."""

    def request(self, post: Post) -> Request:
        """The event with its signature; `written` is what is signed."""
        body = post.happened.body(post.metadata)
        proof = hmac.new(post.secret().encode(), written(body), hashlib.sha256).hexdigest()
        return Request(post.address, body, {COMPONENT: CONTROLLER, SIGNATURE: f"sha256={proof}"})

    def refusal(self, _text: str) -> str:
        """Nothing but the status counts."""
        return ""


def written(body: object) -> bytes:
    """The bytes that a body is sent as: a signature is of bytes."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
