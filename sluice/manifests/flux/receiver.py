"""Flux's Receiver (`notification.toolkit.fluxcd.io/v1`): an address for a sender, and what is asked when it calls.

Field names and defaults: Flux's notification-controller API, v1.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference

HOOK = "/hook/"
"""What the path of every Receiver begins with."""
REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""The annotation by which anybody asks for an object to be reconciled; its value only has to be another one."""
AUDIENCE = "notification-controller"
"""Flux's own, where an OpenID Connect provider names none."""
ANY = "*"
"""A name that means all objects of the kind that have the labels."""


class ReceiverResource(ForeignModel):
    """An object, or objects by their labels, that is asked to be reconciled."""

    kind: str
    name: str
    namespace: str = ""
    """Empty for the Receiver's own."""
    api_version: str = ""
    """Empty for the one that Flux has for this kind."""
    match_labels: dict[str, str] = Field(default_factory=dict)
    filter: str = ""
    """CEL over `res` (the object's metadata) and `req` (the body): only objects for which it is true are asked."""

    def filters(self, also: str) -> tuple[str, ...]:
        """The expressions that an object of it has to fulfil: its own, and the one for all."""
        return tuple(one for one in (also, self.filter) if one)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace and self.namespace + '/'}{self.name}"


class OidcVariable(ForeignModel):
    """A value that validations share: CEL over `claims`, and over `vars`, which has those before it."""

    name: str = ""
    expression: str = ""


class OidcValidation(ForeignModel):
    """What must be true of a token: CEL over `claims` and `vars`, and what is answered where it is not."""

    expression: str = ""
    message: str = ""


class OidcProvider(ForeignModel):
    """An OpenID Connect issuer whose tokens open the door; what it lacks is said on the Receiver."""

    issuer_url: str = Field("", alias="issuerURL")
    """As its tokens name it in `iss`; its keys are found from there."""
    audience: str = ""
    variables: tuple[OidcVariable, ...] = ()
    validations: tuple[OidcValidation, ...] = ()

    @property
    def expected_audience(self) -> str:
        """For whom its tokens have to be made out."""
        return self.audience or AUDIENCE


class ReceiverSpec(ForeignModel):
    """What a Receiver asks for."""

    type: str
    """Of the sender."""
    resources: tuple[ReceiverResource, ...]
    events: tuple[str, ...] = ()
    """Names of the sender's events that count; all where there are none."""
    secret_ref: LocalReference | None = None
    """Secret whose key `token` is what the sender shares with us."""
    interval: Duration = 600.0
    """How often the Secret is read again."""
    resource_filter: str = ""
    """The same for the objects of all resources."""
    suspend: bool = False
    oidc_providers: tuple[OidcProvider, ...] = ()
    """Of type `generic-oidc`, in place of a Secret."""


class ReceiverStatus(ForeignModel):
    """What is known of a Receiver."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    webhook_path: str = ""
    """Where the sender has to call."""
    last_handled_reconcile_at: str = ""


class Receiver(Manifest):
    """An address of its own for a sender."""

    api_version: ClassVar[str] = "notification.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "Receiver"
    plural: ClassVar[str] = "receivers"
    spec: ReceiverSpec
    status: ReceiverStatus = ReceiverStatus()

    def path(self, token: str) -> str:
        """Its address: nobody who does not know the token can guess it."""
        return HOOK + hashlib.sha256(f"{token}{self.name}{self.namespace}".encode()).hexdigest()
