"""A Gate that is a service of the user's: asked as a webhook of a Canary is, for many Canaries at once."""

from __future__ import annotations

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel


class WebhookSpec(ForeignModel):
    """Whom to ask, by Flagger's protocol or by that of an installed package."""

    url: str = Field(pattern=r"^[a-z][a-z0-9+.-]*://")
    timeout: Duration = 10.0
    retries: int = Field(default=0, ge=0)
    metadata: dict[str, str] = Field(default_factory=dict)
