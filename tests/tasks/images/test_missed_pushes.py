"""Pushes that no notification came for, lists of tags that are older than what was pushed, and objects that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sluice.errors import InvalidError, TerminalError, TransientError
from tests.tasks.images.place import Place, place


@pytest.fixture
async def sut() -> AsyncIterator[Place]:
    async with place() as made:
        yield made


async def test_a_push_is_found_delivered_and_found_no_more(sut: Place) -> None:
    """However often anybody looks, it is one event; after its delivery none; a newer push is another one."""
    sut.policy()
    digest = sut.shelf.push("shop", "1.0.0")
    (first,), (again,) = await sut.poll(), await sut.poll()
    assert (first.tag, first.digest, first.id) == ("1.0.0", digest, again.id)
    assert (await sut.deliver(first)).wanted
    assert await sut.poll() == []
    sut.shelf.push("shop", "1.1.0")
    (second,) = await sut.poll()
    assert (second.tag, sut.latest()) == ("1.1.0", "1.0.0")


async def test_a_stale_list_takes_nothing_back_while_the_chosen_tag_answers(sut: Place) -> None:
    """S2: a registry's list loses 1.1.0 for a while. It is neither undone nor delivered again."""
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    await sut.pushed("1.0.0")
    await sut.pushed("1.1.0")
    assert sut.latest() == "1.1.0"
    for listed in (["1.0.0"], ["1.0.0", "1.1.0"], ["1.0.0"], ["1.0.0", "1.1.0"]):
        sut.shelf.listed["shop"] = listed
        assert await sut.poll() == []
        choice = await sut.deliver(event_of(sut, "1.0.0"))
        assert (choice.wanted, choice.newer) == ({}, {"team:shop": "1.1.0"})
        assert sut.latest() == "1.1.0"


async def test_a_tag_that_is_deleted_is_gone_and_one_that_is_restored_is_a_new_event(sut: Place) -> None:
    """S2: as often as it goes and comes back, each is an event of its own that brings git there."""
    sut.policy()
    for tag in ("1.0.0", "1.1.0"):
        sut.shelf.push("shop", tag)
    seen = []
    for _ in range(3):
        (event,) = await sut.poll()
        assert (event.tag, list((await sut.deliver(event)).wanted)) == ("1.1.0", ["team:shop"])
        del sut.shelf.tags["shop"]["1.1.0"]
        (back,) = await sut.poll()
        assert (back.tag, list((await sut.deliver(back)).wanted)) == ("1.0.0", ["team:shop"])
        assert await sut.poll() == []
        sut.shelf.push("shop", "1.1.0")
        seen += [event.id, back.id]
    assert len(set(seen)) == 6


async def test_a_registry_that_does_not_answer_takes_nothing_back(sut: Place) -> None:
    """S2: the list has lost the tag, and whether it is there cannot be said now: that is no answer."""
    sut.policy()
    await sut.pushed("1.0.0")
    await sut.pushed("1.1.0")
    sut.shelf.listed["shop"] = ["1.0.0"]
    whole = sut.shelf.answer
    sut.shelf.registry.answer = lambda request: (503, {}, {}) if request[0] == "HEAD" else whole(request)
    with pytest.raises(TransientError):
        await sut.poll()
    assert sut.latest() == "1.1.0"


async def test_a_push_that_the_list_does_not_have_yet_is_delivered(sut: Place) -> None:
    """S2's brother: its notification is faster than the registry's list; the tag answers, so it is there."""
    sut.policy()
    await sut.pushed("1.0.0")
    sut.shelf.listed["shop"] = ["1.0.0"]
    assert list((await sut.pushed("1.1.0")).wanted) == ["team:shop"]
    assert await sut.poll() == []
    assert sut.latest() == "1.1.0"


async def test_what_came_of_nothing_is_tried_again_later(sut: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event may be used up by a list of tags that was older: the next window of time is another event."""
    from tasks.images import poll

    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    moments = iter((1000.0, 1001.0, 1300.0))
    monkeypatch.setattr(poll, "epoch", lambda: next(moments))
    one, same, later = [(await sut.poll())[0] for _ in range(3)]
    assert one.id == same.id != later.id


@pytest.mark.parametrize("digests", ["Always", "IfNotPresent", "Never"])
async def test_an_unwanted_push_does_not_hide_a_lost_one(sut: Place, digests: str) -> None:
    """S3: the notification of 1.1.0 was lost and `feature-x` is pushed: 1.1.0 is called for at once and at the interval."""
    sut.policy(digestReflectionPolicy=digests)
    await sut.pushed("1.0.0")
    sut.shelf.push("shop", "1.1.0")
    choice = await sut.pushed("feature-x")
    assert choice.wanted == {}
    assert "wants 1.1.0" in choice.reason
    assert [event.tag for event in choice.missed] == ["1.1.0"]
    assert sut.latest() == "1.0.0"
    (event,) = await sut.poll()
    assert (event.tag, event.id) == ("1.1.0", choice.missed[0].id)
    assert list((await sut.deliver(event)).wanted) == ["team:shop"]
    assert sut.latest() == "1.1.0"
    assert await sut.poll() == []
    assert (await sut.pushed("feature-y")).missed == ()


WRONG: dict[str, dict[str, Any]] = {
    "no number": {"policy": {"numerical": {}}},
    "no range": {"policy": {"semver": {"range": "newest"}}},
    "no pattern": {"filterTags": {"pattern": "(["}},
    "no policy": {"policy": {}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_one_odd_policy_stops_no_other(sut: Place, wrong: dict[str, Any]) -> None:
    """S4: neither that of the same ImageRepository nor its own delivery once it is right; the reason is on it."""
    sut.policy("odd", **wrong)
    sut.policy()
    sut.policy("zebra")
    sut.shelf.push("shop", "1.0.0")
    sut.shelf.push("shop", "latest")
    (event,) = await sut.poll()
    assert sorted((await sut.deliver(event)).wanted) == ["team:shop", "team:zebra"]
    status, reason, message = sut.ready(name="odd")
    assert (status, reason) == ("False", "InvalidPolicy")
    assert "spec." in message


async def test_an_odd_registry_is_reported_and_delivers_when_it_is_right(sut: Place) -> None:
    """S4's brothers: a realm that is no address, a token that is not ASCII: an error with a name, each time."""
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    whole = sut.shelf.answer
    for challenge in ('Bearer realm="http://[::1"', f'Bearer realm="http://{sut.shelf.host}/v2/shop/tags/list"'):
        sut.shelf.registry.answer = lambda request, said=challenge: (  # type: ignore[misc]
            (200, {}, {"token": "tökén"}) if "scope" in request[1] else (401, {"WWW-Authenticate": said}, {})
        )
        with pytest.raises(TerminalError):
            await sut.poll()
        assert sut.ready("ImageRepository")[:2] == ("False", "ReadOperationFailed")
    sut.shelf.registry.answer = whole
    assert [event.tag for event in await sut.poll()] == ["1.0.0"]
    assert sut.ready("ImageRepository")[0] == "True"


async def test_another_namespace_s_repository_is_used_only_where_it_lets_one_in(sut: Place) -> None:
    """S19: without `accessFrom` a policy of another namespace is refused, and gets nothing by the other one's Secret."""
    sut.policy("theirs", "other", imageRepositoryRef={"name": "shop", "namespace": "team"})
    sut.policy()
    sut.shelf.push("shop", "1.0.0")
    (event,) = await sut.poll()
    assert list((await sut.deliver(event)).wanted) == ["team:shop"]
    status, reason, message = sut.ready("ImagePolicy", "theirs", "other")
    assert (status, reason) == ("False", "AccessDenied")
    assert "spec.accessFrom" in message
    assert sut.latest("theirs", "other") == ""


@pytest.mark.parametrize(
    ("selectors", "allowed"),
    [
        ([{"matchLabels": {}}], True),
        ([{"matchLabels": {"kubernetes.io/metadata.name": "other"}}], True),
        ([{"matchLabels": {"kubernetes.io/metadata.name": "third"}}], False),
        ([{"matchLabels": {"team": "blue"}}], True),
        ([{"matchLabels": {"team": "red"}}, {"matchLabels": {"team": "blue"}}], True),
        ([{"matchLabels": {"team": "blue", "tier": "web"}}], False),
        ([], False),
    ],
)
async def test_access_goes_by_the_labels_of_the_namespace(
    sut: Place, selectors: list[dict[str, Any]], allowed: bool
) -> None:
    """As Flux's accessFrom."""
    sut.cluster.add({"kind": "Namespace", "metadata": {"name": "other", "namespace": "", "labels": {"team": "blue"}}})
    sut.repository(accessFrom={"namespaceSelectors": selectors})
    sut.policy("theirs", "other", imageRepositoryRef={"name": "shop", "namespace": "team"})
    sut.shelf.push("shop", "1.0.0")
    assert [event.tag for event in await sut.poll()] == (["1.0.0"] if allowed else [])


async def test_a_policy_that_nobody_lets_in_fails_a_push_with_the_reason(sut: Place) -> None:
    """Where nobody else wants the image, the delivery says why."""
    sut.policy("theirs", "other", imageRepositoryRef={"name": "shop", "namespace": "team"})
    with pytest.raises(InvalidError, match=r"spec\.accessFrom"):
        await sut.pushed("1.0.0")


async def test_a_version_that_was_rolled_back_is_chosen_by_nobody_until_its_tag_moves(sut: Place) -> None:
    """What ran before it stays wanted, although a tag lies between; a newer one, and the same tag made anew, are news."""
    sut.policy()
    digests = {tag: sut.shelf.push("shop", tag) for tag in ("1.0.0", "1.0.5", "1.1.0", "1.2.0")}
    await sut.pushed("1.2.0")
    lines = [
        f"{sut.image}:1.2.0@{digests['1.2.0']} -> {sut.image}:1.1.0@{digests['1.1.0']}",
        f"{sut.image}:1.1.0@{digests['1.1.0']} -> {sut.image}:1.0.0@{digests['1.0.0']}",
    ]
    sut.keep_out(*lines[:1])
    assert [event.tag for event in await sut.poll()] == ["1.1.0"]
    sut.keep_out(*lines)
    (event,) = await sut.poll()
    assert event.tag == "1.0.0"
    assert list((await sut.deliver(event)).wanted) == ["team:shop"]
    assert await sut.poll() == []
    sut.shelf.push("shop", "1.1.0", "built again")
    assert await sut.poll() == [], "1.2.0 goes before it, and stays out"
    sut.shelf.push("shop", "1.3.0")
    assert [event.tag for event in await sut.poll()] == ["1.3.0"]


def event_of(sut: Place, tag: str) -> Any:
    from sluice.events.model import ImagePushed

    return ImagePushed(delivery="x", image=sut.image, tag=tag, digest=sut.shelf.tags["shop"][tag])
