"""Amazon ECR → events: what EventBridge says of it, by an API destination, or by a topic of SNS.

An API destination sends a header of one's choice. SNS signs what it sends, and wants a subscription to be confirmed: the
address that it names for that is asked only if it is SNS's own, and the topic is one of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Field, Parsed, body_of, parsed_json
from sluice.events.senders.images import named
from sluice.events.verification.base import Verification
from sluice.events.verification.bearer import BearerToken
from sluice.events.verification.sns import SnsSignature, is_of_sns

BEARER = BearerToken()
SIGNED = SnsSignature()
LIMIT = 1024 * 1024
"""SNS and EventBridge send 256 KiB at most."""


@dataclass(frozen=True, slots=True)
class EventBridge:
    """An API destination as the target of a rule for `ECR Image Action`, connection with an API key named Authorization."""

    name: str = "ecr"
    path: str = "/ecr"
    secret: str = "ecr_token"  # noqa: S105 - the name of a setting
    limit: int = LIMIT
    verification: Verification = BEARER

    def parse(self, call: Call) -> Parsed:
        """The image that was pushed; everything else on the bus is not ours."""
        return _parsed(call, body_of(call))


@dataclass(frozen=True, slots=True)
class Sns:
    """A subscription of protocol https, without raw message delivery, to a topic that EventBridge sends to.

    Its setting names the topics (ARNs, with commas between): what proves a message is SNS's signature, and that anybody
    may have with a topic of his own.
    """

    name: str = "sns"
    path: str = "/sns"
    secret: str = "sns_topics"  # noqa: S105 - the name of a setting
    limit: int = LIMIT
    verification: Verification = SIGNED

    def parse(self, call: Call) -> Parsed:
        """The image that a notification is about, or the address that confirms the subscription."""
        body = body_of(call)
        kind = body["Type"].text
        if kind == "SubscriptionConfirmation":
            url = body["SubscribeURL"].text
            if not is_of_sns(url) or urlsplit(url).path not in {"", "/"}:
                raise InvalidError("SubscribeURL: is no address of SNS, and was not asked")
            return Parsed(confirm=url)
        if kind != "Notification":
            return Parsed()
        return _parsed(call, Field(parsed_json(body["Message"].text.encode()), "Message"))


def _parsed(call: Call, event: Field) -> Parsed:
    if event["source"].text != "aws.ecr" or event["detail-type"].text != "ECR Image Action":
        return Parsed()
    detail = event["detail"]
    done = (detail["action-type"].text, detail["result"].text) == ("PUSH", "SUCCESS")
    if not done or not detail["image-tag"].value:
        return Parsed()
    region = event["region"].text
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    host = f"{event['account'].text}.dkr.ecr.{region}.{domain}"
    image = ImagePushed(
        delivery=event["id"].text,
        image=named(call, host, detail["repository-name"].text),
        tag=detail["image-tag"].text,
        digest=detail["image-digest"].digest,
    )
    return Parsed((image,))
