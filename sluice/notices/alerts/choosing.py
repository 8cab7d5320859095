"""Which events an Alert chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.manifests.flux.notification.alert import Alert, EventSource
from sluice.notices.alerts.happened import Happened
from sluice.patterns import compiled

ANY = "*"


def wants(alert: Alert, happened: Happened, labels: Mapping[str, str]) -> bool:
    """Whether an Alert is about what happened.

    Args:
        labels: of the object that it happened to.

    Raises:
        InvalidError: one of its patterns is none.
    """
    spec = alert.spec
    if spec.suspend or (spec.event_severity == "error" and happened.severity != "error"):
        return False
    if not any(_is_of(one, alert.namespace, happened, labels) for one in spec.event_sources):
        return False
    included = not spec.inclusion_list or _any(spec.inclusion_list, "inclusionList", happened.message)
    return included and not _any(spec.exclusion_list, "exclusionList", happened.message)


def metadata(alert: Alert) -> dict[str, str]:
    """What an Alert says along with each event."""
    return ({"summary": alert.spec.summary} if alert.spec.summary else {}) | alert.spec.event_metadata


def _is_of(source: EventSource, namespace: str, happened: Happened, labels: Mapping[str, str]) -> bool:
    place = (source.kind, source.namespace or namespace)
    if place != (happened.kind, happened.namespace) or source.name not in {ANY, happened.name}:
        return False
    return source.match_labels.items() <= labels.items()


def _any(patterns: Sequence[str], field: str, text: str) -> bool:
    return any(compiled(pattern, f"spec.{field}").search(text) for pattern in patterns)
