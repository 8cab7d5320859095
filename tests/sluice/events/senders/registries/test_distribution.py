"""What a registry's notification means."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.events.senders.base import Parsed
from sluice.events.senders.registries.distribution import MANIFEST_TYPES, Distribution
from tests.sluice.events.senders.calls import call

DIGEST = "sha256:" + "a" * 64


def images_pushed(envelope: object) -> list[Any]:
    return [*parsed(envelope).events]


def parsed(envelope: object, **query: str) -> Parsed:
    return Distribution().parse(call(envelope, **query))


def event(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": "e1",
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "repository": "team/shop",
            "tag": "1.10",
            "digest": DIGEST,
        },
        "request": {"host": "127.0.0.1:15000"},
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for parent in parents:
            place = place[parent]
        place[last] = value
    return {key: value for key, value in made.items() if value is not ...}


@pytest.mark.parametrize("kind", sorted(MANIFEST_TYPES))
def test_a_tagged_manifest_is_an_image_named_by_registry_and_repository(kind: str) -> None:
    """Whatever form of manifest: the image has the registry's own host in its name, and its tag stays a text."""
    (image,) = images_pushed({"events": [event(target__mediaType=kind)]})
    assert (image.image, image.tag, image.digest) == ("127.0.0.1:15000/team/shop", "1.10", DIGEST)


@pytest.mark.parametrize(
    "other",
    [
        event(action="pull"),
        event(target__mediaType="application/octet-stream"),
        event(target__tag=None),
        event(target__tag=""),
    ],
    ids=["pull", "blob", "no tag", "empty tag"],
)
def test_what_is_no_push_of_a_tagged_manifest_is_no_news(other: dict[str, Any]) -> None:
    """Pulls, blobs and the untagged parts of an image for several platforms start nothing."""
    assert images_pushed({"events": [other]}) == []


def test_an_envelope_may_hold_many_events_and_keeps_their_order() -> None:
    """A registry gathers notifications."""
    events = [event(id="a", target__tag="1"), event(action="pull"), event(id="b", target__tag="2")]
    assert [image.tag for image in images_pushed({"events": events})] == ["1", "2"]


def test_the_same_notification_told_twice_is_one_event() -> None:
    """Prefect and the receiver know a redelivery by the event's id."""
    once, again, other = images_pushed({"events": [event(), event(), event(id="e2")]})
    assert once.id == again.id != other.id


@pytest.mark.parametrize(("broken", "field"), [([], "events"), ({}, "events"), ({"events": {}}, "events")])
def test_a_malformed_envelope_is_refused_with_the_name_of_the_field(broken: object, field: str) -> None:
    """Whoever set up the registry learns what is wrong."""
    with pytest.raises(InvalidError) as refused:
        images_pushed(broken)
    assert str(refused.value).startswith(f"{field}:")


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (1, ""),
        (event(id=...), ".id"),
        (event(action=3), ".action"),
        (event(target=None), ".target"),
        (event(target__repository=""), ".target.repository"),
        (event(target__digest="abc"), ".target.digest"),
        (event(request=[]), ".request"),
        (event(request__host=5), ".request.host"),
    ],
)
def test_one_bad_event_does_not_lose_the_good_ones(broken: object, field: str) -> None:
    """It is named, and the others are taken: the registry repeats what is refused, and everything waits behind it."""
    found = parsed({"events": [event(id="a"), broken, event(id="b")]})
    assert [one.delivery for one in found.events] == ["a", "b"]
    (why,) = found.refused
    assert why.startswith(f"events[1]{field}:")
    alone = parsed({"events": [broken]})
    assert alone.events == ()
    assert len(alone.refused) == 1


def test_the_address_may_say_what_clusters_call_the_registry() -> None:
    """Behind a proxy the registry hears another name than the one that images are pulled by."""
    (image,) = parsed({"events": [event()]}, registry="registry.example/mirror").events
    assert image.payload["image"] == "registry.example/mirror/team/shop"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(
    body=JSON
    | st.builds(lambda inner: {"events": [inner]}, JSON)
    | st.builds(lambda x: {"events": [event(target=x)]}, JSON)
)
def test_no_body_breaks_the_reading(body: object) -> None:
    """Any JSON is either understood or refused in words."""
    with contextlib.suppress(InvalidError):
        images_pushed(body)
