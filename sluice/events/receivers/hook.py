"""A Receiver's door: what it takes to open it, and what the Receiver's status says of it, in Flux's words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sluice.errors import InvalidError
from sluice.events.receivers.providers import ExpressionError, refuse_providers
from sluice.events.receivers.types import OIDC, TOKEN, TYPES, ReceiverType
from sluice.events.verification.oidc_token import OidcToken
from sluice.expressions import refuse_over
from sluice.manifests.conditions import READY, Condition
from sluice.manifests.flux.outcome import Body, outcome
from sluice.manifests.flux.receiver import ANY, HOOK, REQUESTED_AT, Receiver

SUCCEEDED, NO_TOKEN, WRONG, NO_CEL = "Succeeded", "TokenNotFound", "ValidationFailed", "InvalidCELExpression"


@dataclass(frozen=True, slots=True)
class Hook:
    """A door that is open, or was closed by `spec.suspend`.

    Attributes:
        receiver: whose it is.
        path: its address; made of the token.
        known: what a delivery's proof is compared with.
        type: how a delivery is verified.
    """

    receiver: Receiver
    path: str
    known: str
    type: ReceiverType

    @property
    def digest(self) -> str:
        """The last part of its address."""
        return self.path.removeprefix(HOOK)


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a Receiver has no door.

    Attributes:
        reason: Flux's word for it.
        message: for people: the field and the way out.
    """

    reason: str
    message: str


def opened(receiver: Receiver, secret: Mapping[str, Any] | None) -> Hook | Closed:
    """The door of a Receiver with the Secret that it names; None where there is no such Secret, or where it names none."""
    spec = receiver.spec
    type_ = TYPES.get(spec.type)
    if type_ is None:
        return Closed(WRONG, f"spec.type {spec.type!r} is not supported; use one of: {', '.join(TYPES)}")
    for index, resource in enumerate(spec.resources):
        if resource.name == ANY and not resource.match_labels:
            return Closed(WRONG, f"spec.resources[{index}].matchLabels is not set: the name '*' needs it")
    try:
        for one in (spec.resource_filter, *(resource.filter for resource in spec.resources)):
            if one:
                refuse_over(one, type_.variables)
    except InvalidError as error:
        return Closed(NO_CEL, f"invalid resourceFilter or filter expression: {error}")
    if type_.claims:  # its proof is a token of an issuer, which no Secret is compared with
        return _by_providers(receiver, type_)
    if spec.oidc_providers:
        return Closed(WRONG, f"spec.oidcProviders can only be set when spec.type is {OIDC}")
    if spec.secret_ref is None:
        return Closed(WRONG, f"spec.secretRef is required when spec.type is {spec.type}")
    return _by_secret(receiver, type_, f"{receiver.namespace}/{spec.secret_ref.name}", secret)


def _by_secret(receiver: Receiver, type_: ReceiverType, named: str, secret: Mapping[str, Any] | None) -> Hook | Closed:
    if secret is None:
        return Closed(NO_TOKEN, f"unable to read token from secret '{named}': it does not exist")
    data = secret.get("data") or {}
    try:
        values = {key: base64.b64decode(data.get(key) or "", validate=True).decode() for key in (TOKEN, *type_.known)}
    except (binascii.Error, ValueError):
        return Closed(NO_TOKEN, f"invalid '{named}' secret data: no text in base64")
    missing = [key for key, value in values.items() if not value.strip()]
    if missing:
        fields = ", ".join(f"'{key}'" for key in missing)
        return Closed(NO_TOKEN, f"invalid '{named}' secret data: required fields {fields}")
    # The address is made of the token as it is, as Flux makes it. A line feed at its end is in no sender's settings.
    known = " ".join(values[key].strip("\r\n") for key in type_.known)
    return Hook(receiver, receiver.path(values[TOKEN]), known, type_)


def _by_providers(receiver: Receiver, type_: ReceiverType) -> Hook | Closed:
    spec = receiver.spec
    if spec.secret_ref:
        return Closed(
            WRONG, f"spec.secretRef cannot be set when spec.type is {OIDC}: senders show a token of an issuer"
        )
    if not spec.oidc_providers:
        return Closed(WRONG, f"spec.oidcProviders is required when spec.type is {OIDC}")
    try:
        refuse_providers(spec.oidc_providers)
    except ExpressionError as error:
        return Closed(NO_CEL, str(error))
    except InvalidError as error:
        return Closed(WRONG, str(error))
    # Without a token the address is no secret, in Flux too: all the proof is what the sender shows.
    return Hook(receiver, receiver.path(""), "", replace(type_, verification=OidcToken(spec.oidc_providers)))


def status_of(receiver: Receiver, door: Hook | Closed, now: datetime) -> Body | None:
    """The status of a Receiver; None where it says so already."""
    if isinstance(door, Hook):
        ready = Condition(
            type=READY, status="True", reason=SUCCEEDED, message=f"Receiver initialized for path: {door.path}"
        )
    else:
        ready = Condition(type=READY, status="False", reason=door.reason, message=door.message)
    status = outcome(receiver, ready, now) | {"webhookPath": door.path if isinstance(door, Hook) else ""}
    if asked := receiver.metadata.annotations.get(REQUESTED_AT):
        status["lastHandledReconcileAt"] = asked
    old = receiver.status.model_dump(by_alias=True)
    return None if all(_plain(old.get(key)) == _plain(value) for key, value in status.items()) else {"status": status}


def requested(receiver: Receiver) -> bool:
    """Whether somebody asks for it to be reconciled, and it was not since then."""
    asked = receiver.metadata.annotations.get(REQUESTED_AT, "")
    return bool(asked) and asked != receiver.status.last_handled_reconcile_at


def _plain(value: Any) -> Any:
    return [dict(one) for one in value] if isinstance(value, list | tuple) else value
