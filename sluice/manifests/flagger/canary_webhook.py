"""A Canary's webhooks: whom a release asks, and when."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel

WebhookType = Literal[
    "rollout",
    "confirm-rollout",
    "pre-rollout",
    "post-rollout",
    "confirm-traffic-increase",
    "confirm-promotion",
    "rollback",
    "event",
]


class CanaryWebhook(ForeignModel):
    """A call to a service of the user's that has a say in the release."""

    name: str
    type: Annotated[
        WebhookType,
        BeforeValidator(lambda written: written or "rollout"),
        # Flagger's definition of the kind allows an empty one.
        WithJsonSchema({"type": "string", "enum": ["", *get_args(WebhookType)]}),
    ] = "rollout"
    url: str = Field(pattern=r"^[a-z][a-z0-9+.-]*://")
    """Whom to ask. Its scheme says which kind of gate it is: `http`, `https`, or one of an installed package."""
    timeout: Duration = 10.0
    retries: int = Field(default=0, ge=0)
    metadata: dict[str, str] = Field(default_factory=dict)
    mute_alert: bool = False
    """That this gate is closed is not posted in chat."""
    disable_tls: bool = Field(default=False, alias="disableTLS")
    """Take whatever certificate the service shows."""
