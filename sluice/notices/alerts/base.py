"""What every receiving side of alerts is: how a request to it looks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

from sluice.errors import InvalidError
from sluice.notices.alerts.happened import Happened

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What an alert says, and to whom.

    Attributes:
        happened: the event.
        metadata: what is said along with it.
        address: of the receiving side. It often has the secret in it.
        token: from the Provider's Secret; empty where it has none.
    """

    happened: Happened
    metadata: dict[str, str] = field(default_factory=dict)
    address: SecretStr
    token: SecretStr
    channel: str = ""
    username: str = ""

    def secret(self) -> str:
        """The token, where there has to be one.

        Raises:
            InvalidError: there is none.
        """
        if not self.token.get_secret_value():
            raise InvalidError("spec.secretRef: the Secret needs the key token for this type")
        return self.token.get_secret_value()


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted."""

    address: SecretStr
    body: Object
    headers: dict[str, str] = field(default_factory=dict)


class Form(Protocol):
    """How one kind of receiving side wants to be posted to."""

    def request(self, post: Post) -> Request:
        """The request.

        Raises:
            InvalidError: the Provider lacks something; the message names the field.
        """

    def refusal(self, text: str) -> str:
        """Why the other side did not take it though it answered 2xx; empty where it did."""
