"""Flux's Alert (`notification.toolkit.fluxcd.io/v1beta3`): who gets to know what of which objects.

Field names and defaults: Flux's notification-controller API, v1beta3.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference

GROUP = "notification.toolkit.fluxcd.io"


class EventSource(ForeignModel):
    """An object, or objects by their labels, whose events count."""

    kind: str
    name: str
    """`*` for all of the kind that have the labels."""
    namespace: str = ""
    """Empty for the Alert's own."""
    api_version: str = ""
    match_labels: dict[str, str] = Field(default_factory=dict)


class AlertSpec(ForeignModel):
    """What an Alert asks for."""

    provider_ref: LocalReference
    event_severity: Literal["info", "error"] = "info"
    """`info` for every event, `error` for failures only."""
    event_sources: tuple[EventSource, ...]
    inclusion_list: tuple[str, ...] = ()
    """Patterns of messages that count; all where there are none."""
    exclusion_list: tuple[str, ...] = ()
    """Patterns of messages that do not."""
    event_metadata: dict[str, str] = Field(default_factory=dict)
    """What is said along with each event."""
    summary: str = ""
    """The older way to say `eventMetadata.summary`."""
    suspend: bool = False


class Alert(Manifest):
    """A rule that says who gets to know what."""

    api_version: ClassVar[str] = f"{GROUP}/v1beta3"
    kind: ClassVar[str] = "Alert"
    plural: ClassVar[str] = "alerts"
    spec: AlertSpec
