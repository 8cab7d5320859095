"""What registries say in other ways than their usual one: payloads as they document them, and as they are met."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.events.model import ImagePushed
from sluice.events.senders.base import Sender
from sluice.events.senders.table import SENDERS
from tests.deployments.doors.cases import changed
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.calls import NOW, call
from tests.sluice.events.senders.payloads import DIGEST
from tests.sluice.events.senders.signed import sns_message

NEXUS = {"X-Nexus-Webhook-Id": "rm:repository:component", "X-Nexus-Webhook-Delivery": "d"}


def images(
    sender: Sender, body: Any, headers: dict[str, str] | None = None, **query: str
) -> list[tuple[str, str, str]]:
    found = sender.parse(call(body, headers, **query)).events
    assert all(isinstance(one, ImagePushed) for one in found)
    return [(one.payload["image"], one.payload["tag"], one.payload["digest"]) for one in found]


def test_harbor_speaks_cloud_events_too() -> None:
    """Format CloudEvents has a name for the delivery, and other words for the same event."""
    (event,) = SENDERS["harbor"].parse(call(payloads.HARBOR_CLOUD_EVENT)).events
    assert event.payload == {"image": "harbor.example/team/shop", "tag": "1.2.0", "digest": DIGEST}
    assert event.delivery == f"{payloads.HARBOR_CLOUD_EVENT['id']}/0"


def test_one_bad_resource_of_harbor_s_does_not_lose_the_good_ones() -> None:
    """Each resource is an image of its own; one that was pushed by its digest alone has no tag to choose."""
    good = payloads.HARBOR["event_data"]["resources"][0]
    body = changed(
        payloads.HARBOR, "event_data/resources", [{"tag": "2"}, good | {"tag": DIGEST}, good | {"tag": ""}, good]
    )
    found = SENDERS["harbor"].parse(call(body))
    assert [one.payload["tag"] for one in found.events] == ["1.2.0"]
    assert found.refused == ("event_data.resources[0].resource_url: expected a text, got NoneType",)


def test_docker_hub_writes_its_time_in_several_ways() -> None:
    """`1.417566161e+09` and `1417566161` are one moment, so one delivery."""
    ids = {
        SENDERS["dockerhub"].parse(call(changed(payloads.DOCKER_HUB, "push_data/pushed_at", at))).events[0].id
        for at in (1417566161, 1.417566161e09)
    }
    assert len(ids) == 1
    later = changed(payloads.DOCKER_HUB, "push_data/pushed_at", 1417566162)
    assert SENDERS["dockerhub"].parse(call(later)).events[0].id not in ids


def test_quay_s_tags_are_a_list_or_an_object() -> None:
    """One event for each; older versions send tag → image id, and other notifications have none."""
    quay = SENDERS["quay"]
    assert [tag for _, tag, _ in images(quay, changed(payloads.QUAY, "updated_tags", ["1", "2"]))] == ["1", "2"]
    assert [tag for _, tag, _ in images(quay, changed(payloads.QUAY, "updated_tags", {"1": "b750fe"}))] == ["1"]
    other = {key: value for key, value in payloads.QUAY.items() if key != "updated_tags"}
    assert images(quay, other) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("detail/result", "FAILURE"),
        ("detail/image-tag", ""),
        ("detail-type", "ECR Image Scan"),
        ("detail/action-type", "DELETE"),
    ],
)
def test_only_a_successful_push_of_a_tag_to_ecr_is_news(place: str, value: str) -> None:
    """Scans, deletions, replications that failed and untagged parts of an image start nothing."""
    assert images(SENDERS["ecr"], changed(payloads.ECR, place, value)) == []


def test_ecr_in_china_has_another_domain() -> None:
    """Image names are those that clusters there pull by."""
    body = changed(payloads.ECR, "region", "cn-north-1")
    assert images(SENDERS["ecr"], body)[0][0] == "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/shop"


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Action=ConfirmSubscription",
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://user@sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com:8443/?Action=ConfirmSubscription",
        "https://evil.example/#.sns.eu-west-1.amazonaws.com",
        "https://169.254.169.254/latest/meta-data",
        "https://sns.eu-west-1.amazonaws.com/elsewhere",
    ],
)
def test_a_subscription_is_confirmed_at_sns_only(url: str) -> None:
    """However the address is written: else a message could make us ask anything inside the network."""
    confirmation = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "m", "SubscribeURL": url}
    with pytest.raises(InvalidError, match="SubscribeURL: is no address of SNS, and was not asked"):
        SENDERS["sns"].parse(call(sns_message("sns", confirmation)))
    good = confirmation | {"SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"}
    assert SENDERS["sns"].parse(call(sns_message("sns", good))).confirm == good["SubscribeURL"]


def test_a_person_who_ends_a_subscription_starts_nothing() -> None:
    """And nothing is asked: the address in it would subscribe again."""
    ended = {
        "Type": "UnsubscribeConfirmation",
        "Token": "t",
        "Message": "m",
        "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/",
    }
    found = SENDERS["sns"].parse(call(sns_message("sns", ended)))
    assert (found.events, found.confirm) == ((), "")


def test_event_grid_s_handshake_is_answered_with_its_code() -> None:
    """Before that it sends nothing. The address that it names as another way is not asked."""
    found = SENDERS["eventgrid"].parse(call(payloads.HANDSHAKE))
    assert found.answer == {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}


def test_one_bad_event_of_event_grid_s_does_not_lose_the_good_ones() -> None:
    """A batch is one request."""
    found = SENDERS["eventgrid"].parse(call([{"eventType": 1}, *payloads.EVENT_GRID]))
    assert [one.payload["tag"] for one in found.events] == ["1.2.0"]
    assert found.refused == ("[0].eventType: expected a text, got int",)


def test_a_ping_of_an_azure_registry_is_answered() -> None:
    """Its portal has a button for it."""
    assert SENDERS["acr"].parse(call({"id": "p-1", "action": "ping"})).pong == "p-1"


def test_artifactory_may_be_reached_by_another_name() -> None:
    """Clusters pull by a subdomain or a port, which the payload does not say."""
    body = payloads.ARTIFACTORY
    assert images(SENDERS["artifactory"], body, registry="docker.acme.example") == [
        ("docker.acme.example/team/shop", "1.2.0", DIGEST)
    ]
    other = changed(payloads.ARTIFACTORY, "jpd_origin", None)
    with pytest.raises(InvalidError, match="jpd_origin"):
        images(SENDERS["artifactory"], other)


def test_nexus_has_to_be_told_its_registry_s_name() -> None:
    """Without it no image could be named: the message says where to write it."""
    with pytest.raises(InvalidError, match=r"\?registry= is missing in the webhook's address"):
        images(SENDERS["nexus"], payloads.NEXUS, NEXUS)
    assert images(SENDERS["nexus"], payloads.NEXUS, NEXUS | {"X-Nexus-Webhook-Id": "rm:repository:asset"}) == []


def test_a_push_of_google_s_without_a_wrapper_is_understood() -> None:
    """Payload unwrapping is a setting of the subscription; the message's name is then in a header, if it writes metadata."""
    google = SENDERS["google"]
    (event,) = google.parse(call(payloads.GOOGLE_EVENT, {"x-goog-pubsub-message-id": "77"})).events
    assert event.delivery == "77"
    (event,) = google.parse(call(payloads.GOOGLE_EVENT)).events
    assert event.delivery.endswith(NOW.isoformat())
    assert google.parse(call(payloads.google({"action": "INSERT", "digest": f"gcr.io/p/shop@{DIGEST}"}))).events == ()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (payloads.google({"action": 1}), "message.data.action"),
        (changed(payloads.google({}), "message/data", "%%"), "message.data"),
        (changed(payloads.google({}), "message/messageId", None), "message.messageId"),
        (payloads.google({"action": "INSERT", "tag": "gcr.io/p/shop"}), "message.data.tag"),
    ],
)
def test_a_malformed_push_of_google_s_is_refused_with_the_name_of_the_field(body: Any, field: str) -> None:
    """The person who set up the subscription learns what is wrong."""
    with pytest.raises(InvalidError) as refused:
        images(SENDERS["google"], body)
    assert str(refused.value).startswith(f"{field}:")


def test_the_message_of_sns_is_what_eventbridge_put_in() -> None:
    """JSON in a text; anything else in a topic is refused by its name."""
    with pytest.raises(InvalidError, match="no JSON"):
        SENDERS["sns"].parse(call(sns_message("sns", {"Message": "hello"})))
    (event,) = SENDERS["sns"].parse(call(sns_message("sns", {"Message": json.dumps(payloads.ECR)}))).events
    assert event.delivery == payloads.ECR["id"]
