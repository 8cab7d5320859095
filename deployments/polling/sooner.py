"""Sooner: when a registry is asked before an interval is over, so that a push of which nobody says anything is found soon.

Flux's `interval` says how often a repository is asked, at the least. What a look costs is bounded here three ways: only
small questions are asked sooner, so many a second at one registry, and so many a second of the API server for the Secrets of
logins. A registry that asks for time is asked at the intervals alone for an hour
(docs/decisions/0017-registries-are-asked-sooner-than-the-interval.md).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sluice.errors import InvalidError
from sluice.images.reference import parse_repository
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.recent import Recent
from tasks.images.poll import Remembered

AT_ONE_HOST = 2.0
"""Looks a second at one registry; with more repositories than fit, each is asked more seldom."""
FOR_SECRETS = 0.25
"""Looks a second that read Secrets, over all registries: at rest the API server is asked next to nothing."""
REST = 3600.0
"""Seconds for which a registry that asked for time is asked at the intervals alone."""


@dataclass(slots=True)
class Sooner:
    """How soon a repository is asked once more.

    Attributes:
        every: most seconds between two looks, where they are cheap; 0 for the intervals alone.
    """

    every: float = 0.0
    _until: Recent[str, float] = field(default_factory=lambda: Recent(1000))

    def pause(
        self, one: ImageRepository, looked: Remembered, every_one: Collection[ImageRepository], now: float
    ) -> float:
        """Seconds until the next look at a repository.

        Args:
            one: the repository.
            looked: what the last look has left.
            every_one: all repositories, this one among them.
            now: the moment, on the poller's clock.
        """
        interval, host = one.spec.interval, host_of(one)
        if not self.every or not looked.cheap or self._until.get(host, now) > now:
            return interval
        soon = max(self.every, sum(host_of(other) == host for other in every_one) / AT_ONE_HOST)
        if _reads_secrets(one):
            soon = max(soon, sum(map(_reads_secrets, every_one)) / FOR_SECRETS)
        return min(interval, soon)

    def asked_for_time(self, host: str, now: float) -> None:
        """A registry has too much to do."""
        self._until[host] = now + REST


def host_of(repository: ImageRepository) -> str:
    """The registry of a repository; empty where its image has no name that can be read."""
    try:
        return parse_repository(repository.spec.image).registry
    except InvalidError:
        return ""


def _reads_secrets(one: ImageRepository) -> bool:
    spec = one.spec
    return bool(spec.secret_ref or spec.cert_secret_ref or spec.proxy_secret_ref or spec.service_account_name)
