"""A version that was rolled back is chosen by no look and no push, until its tag moves or a person says so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sluice.images.quarantine import ANNOTATION, RELEASE, KeptOut, written
from sluice.images.reference import ImageRef
from tests.tasks.images.place import Place, place


@pytest.fixture
async def sut() -> AsyncIterator[Place]:
    """1.1.0 runs, 1.2.0 was rolled back; 1.1.5 was superseded before it was judged."""
    async with place() as made:
        made.policy()
        for tag in ("1.1.0", "1.1.5", "1.2.0"):
            made.shelf.push("shop", tag)
        note(made, ANNOTATION, written([rolled_back(made)]))
        yield made


def rolled_back(sut: Place, tag: str = "1.2.0", back_to: str | None = "1.1.0") -> KeptOut:
    def image(of: str) -> ImageRef:
        return ImageRef(name=sut.image, tag=of, digest=sut.shelf.tags["shop"][of])

    return KeptOut(image=image(tag), back_to=image(back_to) if back_to else None, why="team/shop: bad")


def note(sut: Place, key: str, value: str) -> None:
    policy = sut.cluster.now("ImagePolicy", "shop", "team")
    notes = {**policy["metadata"].get("annotations", {}), key: value}
    sut.cluster.add({**policy, "metadata": {**policy["metadata"], "annotations": notes}})


async def chosen(sut: Place) -> str:
    """What the policy has chosen once nothing is left to deliver."""
    for event in await sut.poll():
        await sut.deliver(event)
    assert await sut.poll() == []
    return sut.latest()


async def test_the_policy_stays_at_what_runs(sut: Place) -> None:
    """Not at the next best tag: what came in between mostly has the same fault."""
    assert await chosen(sut) == "1.1.0"
    choice = await sut.pushed("1.1.5")
    assert choice.wanted == {}
    assert sut.latest() == "1.1.0"


async def test_a_newer_version_goes_on(sut: Place) -> None:
    """A fix forward needs no word of a person."""
    assert await chosen(sut) == "1.1.0"
    sut.shelf.push("shop", "1.3.0")
    assert await chosen(sut) == "1.3.0"


async def test_a_tag_that_moves_to_another_digest_is_another_version(sut: Place) -> None:
    """Somebody has built it again."""
    assert await chosen(sut) == "1.1.0"
    sut.shelf.push("shop", "1.2.0", content="built again")
    assert await chosen(sut) == "1.2.0"


async def test_a_person_lets_it_in_again(sut: Place) -> None:
    """At the next look, though no tag has changed."""
    assert await chosen(sut) == "1.1.0"
    note(sut, RELEASE, "1.2.0")
    assert await chosen(sut) == "1.2.0"


async def test_where_nothing_is_known_to_run_instead_the_next_best_is_chosen(sut: Place) -> None:
    """The primary runs another image."""
    note(sut, ANNOTATION, written([rolled_back(sut, back_to=None)]))
    assert await chosen(sut) == "1.1.5"
