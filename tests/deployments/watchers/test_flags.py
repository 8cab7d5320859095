"""The watcher of FlagRollouts: one event for each generation that has something to do."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.kubernetes.follow import News
from deployments.watchers.flags import FlagWatcher
from sluice.events.model import FlagRolloutChanged
from tests.tasks.flags.ground import NAME, TEAM, manifest


@pytest.fixture
def sut() -> FlagWatcher:
    nothing: Any = None
    return FlagWatcher(nothing, nothing)


def news(item: dict[str, Any], **said: Any) -> News:
    return News(objects=[item], **said)


def changed(generation: int = 1, phase: str = "", **spec: Any) -> dict[str, Any]:
    item = manifest(**spec)
    item["metadata"]["generation"] = generation
    return item | ({"status": {"phase": phase, "observedGeneration": generation}} if phase else {})


def test_a_new_one_and_each_change_start_a_run(sut: FlagWatcher) -> None:
    """What sluice itself writes into the status starts none."""
    (event,) = sut.update(news(changed()))
    assert event == FlagRolloutChanged(delivery="u-1/1", namespace=TEAM, flag_rollout=NAME)
    assert sut.update(news(changed(phase="Progressing"))) == []
    (again,) = sut.update(news(changed(2)))
    assert again.id != event.id


def test_one_that_is_over_or_suspended_or_wrong_starts_none(sut: FlagWatcher) -> None:
    """A wrong one is said in the log, and the next change of it is read."""
    assert sut.update(news(changed(phase="Succeeded"))) == []
    assert sut.update(news(changed(suspend=True))) == []
    assert sut.update(news(changed(analysis={}))) == []
    assert len(sut.update(news(changed()))) == 1


def test_one_that_was_made_again_is_new(sut: FlagWatcher) -> None:
    """Deleted ones are forgotten."""
    assert len(sut.update(news(changed()))) == 1
    sut.update(news(changed(), gone=True))
    assert len(sut.update(news(changed()))) == 1
