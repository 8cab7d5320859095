"""Sends alerts: each Event that sluice makes goes to the Providers of the Alerts that choose it, once.

A supervised task of the worker. An Event is claimed by an annotation before it is sent, fenced by its version, so that of
several workers one sends it, and none sends it again after a start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from blocks.alerts import alerted
from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.follow import News, follow
from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import ALERT, EVENT, PROVIDER
from blocks.kubernetes.reports import REPORTED
from blocks.waits import pauses
from sluice.errors import ConflictError, InvalidError, NotFoundError, SluiceError, TransientError
from sluice.manifests.flux.notification.alert import Alert
from sluice.manifests.flux.notification.provider import Provider
from sluice.notices.alerts.choosing import metadata, wants
from sluice.notices.alerts.happened import Happened
from sluice.recent import Recent

Object = dict[str, Any]
log = logging.getLogger("sluice.alerts")
ALERTED = "sluice.dev/alerted"
"""Annotation of an Event that was handed to its Providers."""
FRESH = 600.0
"""Seconds after which an Event is no news any more."""
REPEATED = 300.0
"""Seconds within which the same message about an object is sent once, as Flux does it."""
AT_ONCE, TRIES = 8, 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


@dataclass(slots=True)
class Alerting:
    """What was heard and is to be sent.

    Attributes:
        own_namespace_only: whether an Alert hears of its own namespace only.
        informers: of the cluster; None for a list of all Alerts at each Event.
    """

    cluster: Cluster
    namespaces: tuple[str | None, ...] = (None,)
    own_namespace_only: bool = False
    informers: Informers | None = None
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _sent: Recent[tuple[str, str, str], float] = field(default_factory=lambda: Recent(10_000))

    async def keep(self) -> None:
        """Keep until cancelled."""
        labels = ",".join(f"{key}={value}" for key, value in REPORTED.items())
        try:
            async with asyncio.TaskGroup() as group:
                for namespace in self.namespaces:
                    group.create_task(follow(self.cluster, EVENT, self.hear, namespace, labels))
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def hear(self, news: News) -> None:
        """An Event is new."""
        for event in news.objects if not news.gone else ():
            if _is_news(event, time.time()):
                task = asyncio.create_task(self._send(event))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def _send(self, event: Object) -> None:
        for wait in islice(pauses(FIRST_PAUSE, LONGEST_PAUSE), TRIES):
            try:
                async with self._turns:
                    await self.send(event)
            except TransientError as error:
                log.info("an alert about %s waits: %s", Happened.of(event).title, error)
                await asyncio.sleep(max(wait, error.retry_after or 0.0))
            except SluiceError as error:
                log.warning("an alert about %s is not sent: %s", Happened.of(event).title, error)
                return
            else:
                return
        log.warning(
            "an alert about %s is not sent: the cluster did not answer %d times", Happened.of(event).title, TRIES
        )

    async def send(self, event: Object) -> None:
        """Hand an Event to the Providers of the Alerts that choose it.

        Raises:
            SluiceError: the cluster refuses, or does not answer.
        """
        happened = Happened.of(event)
        key = (happened.kind, happened.title, happened.message)
        if time.monotonic() - self._sent.get(key, float("-inf")) < REPEATED:
            return
        self._sent[key] = time.monotonic()  # at once: the same may be on its way through the next lines
        try:
            chosen = await self._chosen(happened)
            if not chosen or not await self._claimed(event):
                return
        except SluiceError:
            self._sent.pop(key, None)
            raise
        await asyncio.gather(*(self._post(alert, happened) for alert in chosen))

    async def _chosen(self, happened: Happened) -> list[Alert]:
        alerts = Alert.valid(await (self.informers.given(ALERT) if self.informers else self.cluster.list(ALERT)))
        labels: dict[str, str] = {}
        if any(source.match_labels for alert in alerts for source in alert.spec.event_sources):
            labels = await self._labels(happened)
        found = []
        for alert in alerts:
            if self.own_namespace_only and alert.namespace != happened.namespace:
                continue
            try:
                if wants(alert, happened, labels):
                    found.append(alert)
            except InvalidError as error:
                log.warning("%s chooses nothing: %s", alert, error)
        return found

    async def _labels(self, happened: Happened) -> dict[str, str]:
        kind: Kind = await self.cluster.resource_for(happened.api_version, happened.kind)
        item = await self.cluster.find(kind, happened.name, happened.namespace)
        return (item["metadata"].get("labels") or {}) if item else {}

    async def _claimed(self, event: Object) -> bool:
        meta = event["metadata"]
        mark = {"resourceVersion": meta["resourceVersion"], "annotations": {ALERTED: "true"}}
        try:
            await self.cluster.patch(EVENT, meta["name"], meta["namespace"], {"metadata": mark})
        except (ConflictError, NotFoundError):
            return False
        return True

    async def _post(self, alert: Alert, happened: Happened) -> None:
        """Post it, several times where the other side cannot take it now; a fault of it stops nothing else."""
        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        for wait in islice(waits, TRIES):
            try:
                provider = Provider.parse(
                    await self.cluster.get(PROVIDER, alert.spec.provider_ref.name, alert.namespace)
                )
                if not provider.spec.suspend:
                    await alerted(self.cluster, provider, happened, metadata(alert))
            except TransientError as error:
                log.info("%s: %s; tried again", alert, error)
                await asyncio.sleep(max(wait, error.retry_after or 0.0))
            except SluiceError as error:
                log.warning("%s: %s", alert, error)
                return
            else:
                return
        log.warning("%s: given up after %d tries: %s", alert, TRIES, happened.message[:200])


def _is_news(event: Object, now: float) -> bool:
    if ALERTED in (event["metadata"].get("annotations") or {}):
        return False
    moment = event.get("lastTimestamp") or event["metadata"].get("creationTimestamp") or ""
    try:
        return now - datetime.fromisoformat(moment).timestamp() < FRESH
    except ValueError:
        return False
