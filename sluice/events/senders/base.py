"""What every sender of webhooks is: where its deliveries arrive, how they are verified, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sluice.errors import InvalidError
from sluice.events.model import Event
from sluice.events.verification.base import Verification


class Parsed(NamedTuple):
    """What a delivery means.

    Attributes:
        events: what sluice is to know, in the delivery's order; empty where it concerns nothing of ours, which is no error.
        pong: where the sender only asks whether anybody is there: what it is answered.
    """

    events: tuple[Event, ...] = ()
    pong: str = ""


@runtime_checkable
class Sender(Protocol):
    """One kind of sender.

    Attributes:
        name: its name in the table and in messages.
        path: where its deliveries arrive, with a slash at its beginning.
        secret: field of the settings that has the secret it shares with us; `acme_secret` is set by `SLUICE_ACME_SECRET`.
        limit: bytes of body that are read at most.
        verification: how a delivery is proven to be the sender's.
    """

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def secret(self) -> str: ...

    @property
    def limit(self) -> int: ...

    @property
    def verification(self) -> Verification: ...

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """What a verified delivery means. The same delivery always gives events with the same ids.

        Args:
            headers: of the request; a name is found in whatever case it is written.
            body: as it came.

        Raises:
            InvalidError: it is not what this sender sends; the message names the header or the field.
        """


def parsed_json(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        InvalidError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"body: no JSON ({str(error)[:120]}); choose content type application/json") from error


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header that a sender always sends.

    Raises:
        InvalidError: it is missing.
    """
    value = headers.get(name)
    if not value:
        raise InvalidError(f"header {name}: missing")
    return value
