"""What every gate can do."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_webhook import CanaryWebhook


class Answer(BaseModel):
    """What a gate said.

    Attributes:
        gate: the webhook's name in the manifest.
        open: whether the release may go on.
        said: why, in one line, for people.
    """

    model_config = ConfigDict(frozen=True)
    gate: str
    open: bool
    said: str


class Gate(Protocol):
    """A service of the user's that is asked whether a release may go on."""

    async def ask(self, webhook: CanaryWebhook, canary: Canary) -> Answer:
        """The gate's answer, within the webhook's `timeout`.

        A gate that cannot be asked is a closed gate that says why: it raises nothing. It may be asked any number of times
        about one revision, by one worker after another.
        """
