"""What is done about what somebody changed by hand, as the annotation `sluice.dev/drift` of a Kustomization says.

People hear of it within seconds in any case. The default is Flux's: at the interval. A person who edits an object in an
emergency counts on that, and a manifest that comes from Flux means that.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sluice.errors import InvalidError

ANNOTATION = "sluice.dev/drift"


class Policy(StrEnum):
    """What is done, and when."""

    AT_ONCE = "at-once"
    """Put back as soon as it is seen."""
    AT_INTERVAL = "at-interval"
    """Put back when `spec.interval` is over, or with the next commit."""
    REPORT_ONLY = "report-only"
    """It stays until git changes the object."""


def policy_of(annotations: Mapping[str, str]) -> Policy:
    """The policy of a Kustomization.

    Raises:
        InvalidError: the annotation says something else.
    """
    said = annotations.get(ANNOTATION, Policy.AT_INTERVAL)
    try:
        return Policy(said)
    except ValueError:
        words = ", ".join(Policy)
        raise InvalidError(f"metadata.annotations[{ANNOTATION}] is {said!r}: it may be one of {words}") from None


def policy_or_default(annotations: Mapping[str, str]) -> Policy:
    """The policy, where what the annotation says instead is named elsewhere: deliveries go on."""
    try:
        return policy_of(annotations)
    except InvalidError:
        return Policy.AT_INTERVAL
