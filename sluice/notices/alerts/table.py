"""The receiving sides of alerts, by `spec.type` of Flux's Provider. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.errors import InvalidError
from sluice.notices.alerts.base import Form
from sluice.notices.alerts.cards import GoogleChat, Teams
from sluice.notices.alerts.generic import Generic, Signed
from sluice.notices.alerts.slack import Attachments

FORMS: Mapping[str, Form] = {
    "generic": Generic(),
    "generic-hmac": Signed(),
    "slack": Attachments(),
    "rocket": Attachments(),
    "discord": Attachments(suffix="/slack"),
    "msteams": Teams(),
    "googlechat": GoogleChat(),
}


def form_of(kind: str) -> Form:
    """How a Provider of this type wants to be posted to.

    Raises:
        InvalidError: sluice has none of this type.
    """
    if kind not in FORMS:
        raise InvalidError(f"spec.type {kind!r} is not supported yet; use one of: {', '.join(FORMS)}")
    return FORMS[kind]
