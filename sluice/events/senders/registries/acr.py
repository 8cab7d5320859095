"""Azure Container Registry → events: by its own webhooks, and by Event Grid, which is another way for the same news.

The registry's own webhook carries a header of one's choice. Event Grid asks first whether we want its events (the
handshake), and may send several at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Found, Parsed, body_of, parsed_json
from sluice.events.senders.images import named
from sluice.events.verification.base import Verification
from sluice.events.verification.bearer import BearerToken
from sluice.events.verification.path_token import PathToken

BEARER = BearerToken()
TOKEN = PathToken()
HANDSHAKE = "Microsoft.EventGrid.SubscriptionValidationEvent"
PUSHED = "Microsoft.ContainerRegistry.ImagePushed"
LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class AzureRegistry:
    """A webhook of the registry, action push, with `Authorization=Bearer …` among its custom headers."""

    name: str = "acr"
    path: str = "/acr"
    secret: str = "acr_token"  # noqa: S105 - the name of a setting
    limit: int = LIMIT
    verification: Verification = BEARER

    def parse(self, call: Call) -> Parsed:
        """The image that was pushed; a ping is answered, charts and deletions are not ours."""
        body = body_of(call)
        if body["action"].text == "ping":
            return Parsed(pong=body["id"].text)
        image = _image(call, body, body["id"].text)
        return Parsed((image,) if image else ())


@dataclass(frozen=True, slots=True)
class EventGrid:
    """A subscription of Event Grid to a registry, schema Event Grid, endpoint type Web Hook."""

    name: str = "eventgrid"
    path: str = "/eventgrid/{token}"
    secret: str = "eventgrid_token"  # noqa: S105 - the name of a setting
    limit: int = LIMIT
    verification: Verification = TOKEN

    def parse(self, call: Call) -> Parsed:
        """The images that were pushed, or the answer that the handshake wants."""
        events = Field(parsed_json(call.body)).items
        if not events:
            raise InvalidError("body: expected a list of events, got none")
        found = Found()
        for event in events:
            try:
                kind = event["eventType"].text
                if kind == HANDSHAKE:
                    return Parsed(answer={"validationResponse": event["data"]["validationCode"].text})
                image = _image(call, event["data"], event["id"].text) if kind == PUSHED else None
            except InvalidError as error:
                found.refused.append(str(error))
            else:
                found.events += [image] if image else []
        return found.parsed


def _image(call: Call, data: Field, delivery: str) -> ImagePushed | None:
    if data["action"].text != "push" or not data["target"]["tag"].value:
        return None
    target = data["target"]
    image = named(call, data["request"]["host"].text, target["repository"].text)
    return ImagePushed(delivery=delivery, image=image, tag=target["tag"].text, digest=target["digest"].digest)
