"""deliver_image of what is no image: an artifact with manifests, which OCIRepositories follow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from flows.deliver_image import deliver_image
from sluice.events.model import SourceChanged
from tests.tasks.images.place import Place, place
from tests.tasks.sync.test_find_pushed_sources import artifact

pytestmark = pytest.mark.server


@pytest.fixture
async def sut(prefect_engine: str) -> AsyncIterator[Place]:
    async with place() as made:
        yield made


async def test_a_push_that_sources_follow_and_no_policy_wants_is_announced(sut: Place) -> None:
    """Its sync is started, and the delivery says so; another push is ignored as before."""
    sut.cluster.add(artifact("shop"))
    image = "registry.example/team/manifests"
    said: str = await deliver_image(image=image, tag="latest", digest="")
    assert said == f"announced: oci://{image} is fetched"
    (event,) = [one for one in sut.events.posted if isinstance(one, SourceChanged)]
    assert (event.url, event.ref) == (f"oci://{image}", "")
    ignored: str = await deliver_image(image=image, tag="v1", digest="")
    assert ignored == f"ignored: no ImageRepository names {image}"
    again: str = await deliver_image(image=image, tag="latest", digest="")
    assert again == said
    ids = [one.id for one in sut.events.posted if isinstance(one, SourceChanged)]
    assert len(set(ids)) == 2
