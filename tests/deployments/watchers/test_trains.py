"""The watcher of Trains: one event for each thing that a Train is due for, bells among them."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.kubernetes.follow import News
from deployments.watchers.trains import TrainWatcher
from sluice.events.model import TrainDue
from tests.trains_samples import NOW, PLATFORM, Object, train_manifest

SEEN = {"observedGeneration": 1, "phase": "Waiting", "knownSince": NOW - 3600}
BERLIN = {"cron": "0 9 * * MON", "timeZone": "Europe/Berlin"}


@pytest.fixture
def sut() -> TrainWatcher:
    nothing: Any = None
    return TrainWatcher(nothing, nothing)


def news(item: Object, **said: Any) -> News:
    return News(objects=[item], **said)


def asked(wish: str) -> Object:
    item = train_manifest(status=SEEN)
    item["metadata"]["annotations"] = {"sluice.dev/depart": wish}
    return item


def test_a_new_one_is_looked_at_once(sut: TrainWatcher) -> None:
    """What sluice itself writes into the status starts nothing."""
    (event,) = sut.update(news(train_manifest()), NOW)
    assert event == TrainDue(delivery="uid-monday/generation 1", namespace=PLATFORM, train="monday")
    assert sut.update(news(train_manifest()), NOW) == []
    assert sut.update(news(train_manifest(status=SEEN)), NOW) == []
    assert sut.update(news(train_manifest(status=SEEN | {"phase": "Running", "departed": NOW})), NOW) == []


def test_a_departure_by_hand_starts_a_run_for_each_wish(sut: TrainWatcher) -> None:
    """The same wish that is seen once more starts none."""
    (first,) = sut.update(news(asked("08:00 by ann")), NOW)
    assert sut.update(news(asked("08:00 by ann")), NOW) == []
    (second,) = sut.update(news(asked("08:05 by ben")), NOW)
    assert first.id != second.id


def test_a_bell_rings_though_nothing_changes(sut: TrainWatcher) -> None:
    """Once, and not for what cannot be read."""
    assert sut.update(news(train_manifest(departures=[BERLIN], status=SEEN)), NOW - 5) == []
    (train,) = sut.trains.values()
    assert sut.called(train, NOW - 1) is None
    event = sut.called(train, NOW + 1)
    assert event is not None
    assert sut.called(train, NOW + 2) is None
    assert sut.update(news(train_manifest(departures=[{"cron": "at noon"}], status=SEEN)), NOW + 3) == []


def test_a_wrong_one_is_passed_over_and_one_that_is_gone_forgotten(sut: TrainWatcher) -> None:
    """The next change of it is read."""
    assert sut.update(news(train_manifest() | {"spec": {"cars": []}}), NOW) == []
    assert len(sut.update(news(train_manifest()), NOW)) == 1
    assert sut.update(news(train_manifest(), gone=True), NOW) == []
    assert len(sut.update(news(train_manifest()), NOW)) == 1
