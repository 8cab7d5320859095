"""What every sender of webhooks can do: say where its deliveries arrive, how they are proven, and what they mean."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from sluice.errors import InvalidError
from sluice.events.call import Call
from sluice.events.model import Event
from sluice.events.verification.base import Verification


class Parsed(NamedTuple):
    """What a delivery means.

    Attributes:
        events: what sluice is to know, in the delivery's order; empty where it concerns nothing of ours, which is no error.
        pong: where the sender only asks whether anybody is there: what it is answered.
        answer: where the sender wants to read something certain before it sends anything: that.
        confirm: an address of the sender's own that has to be asked for before it sends anything.
        refused: parts of the delivery that are not what this sender sends, by field; the others are taken all the same.
    """

    events: tuple[Event, ...] = ()
    pong: str = ""
    answer: Mapping[str, str] | None = None
    confirm: str = ""
    refused: tuple[str, ...] = ()


@runtime_checkable
class Sender(Protocol):
    """One kind of sender.

    Attributes:
        name: its name in the table and in messages.
        path: where its deliveries arrive, with a slash at its beginning; it may end in `/{token}`.
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

    def parse(self, call: Call) -> Parsed:
        """What a verified delivery means. The same delivery always gives events with the same ids.

        Raises:
            InvalidError: it is not what this sender sends; the message names the header or the field.
        """


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a body, and where it is: what it lacks is named by its path.

    Attributes:
        value: as JSON has it; None where it is missing.
        path: such as `events[0].target`; empty for the body itself.
    """

    value: Any
    path: str = ""

    def __getitem__(self, key: str) -> Field:
        """A member; one that is missing has no value.

        Raises:
            InvalidError: this is no object.
        """
        if not isinstance(self.value, Mapping):
            raise self.wrong("an object")
        return Field(self.value.get(key), f"{self.path}.{key}" if self.path else key)

    @property
    def text(self) -> str:
        """The value, which has to be a text that is not empty.

        Raises:
            InvalidError: it is none.
        """
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong("a text")
        return self.value

    @property
    def digest(self) -> str:
        """The value, which has to be a digest.

        Raises:
            InvalidError: it is none.
        """
        algorithm, _, value = self.text.partition(":")
        if not (algorithm and value):
            raise InvalidError(f"{self.path}: expected algorithm:hex, got {self.text[:80]!r}")
        return self.text

    def among(self, names: Collection[str]) -> bool:
        """Whether the value is one of these texts; one of another type is none of them."""
        return isinstance(self.value, str) and self.value in names

    @property
    def items(self) -> list[Field]:
        """The members of a list.

        Raises:
            InvalidError: it is none.
        """
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Field(value, f"{self.path}[{index}]") for index, value in enumerate(self.value)]

    def wrong(self, expected: str) -> InvalidError:
        """The error that says what should be here."""
        return InvalidError(f"{self.path or 'body'}: expected {expected}, got {type(self.value).__name__}")


def parsed_json(body: bytes) -> Any:
    """The body as JSON.

    Raises:
        InvalidError: it is none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"body: no JSON ({str(error)[:120]}); choose content type application/json") from error


def body_of(call: Call) -> Field:
    """The body as JSON, which has to be an object.

    Raises:
        InvalidError: it is none.
    """
    body = Field(parsed_json(call.body))
    if not isinstance(body.value, Mapping):
        raise body.wrong("an object")
    return body


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header that a sender always sends.

    Raises:
        InvalidError: it is missing.
    """
    value = headers.get(name)
    if not value:
        raise InvalidError(f"header {name}: missing")
    return value


@dataclass(slots=True)
class Found:
    """What is found in a delivery of several parts: one that is wrong is named, and does not lose the others."""

    events: list[Event] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def parsed(self) -> Parsed:
        """All of it."""
        return Parsed(tuple(self.events), refused=tuple(self.refused))
