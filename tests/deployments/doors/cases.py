"""One case for each sender: how it proves what it sends, what it sends, and what that means."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.standins.github_webhooks import push_payload
from sluice.events.model import Event, ImagePushed, SourceChanged
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.payloads import COMMIT, DIGEST
from tests.sluice.events.senders.signed import google_token, sns_message

SECRET = "s3cret"
Headers = dict[str, str]
Proof = Callable[[bytes, str], Headers]


def plain(body: Any, _secret: str) -> bytes:
    return json.dumps(body).encode()


@dataclass(frozen=True)
class Case:
    """What one sender sends.

    Attributes:
        proof: the headers that prove a body with a secret.
        body: a delivery as it is sent.
        events: what it means, without their ids where those are made of the time.
        other: a delivery of something that is none of our business; None where it sends nothing else.
        named: the headers of a delivery of that name.
        other_named: headers of `other`.
        path: where it is sent, with the secret in it where that is the proof.
        written: a body as bytes; some sign what is in it.
        secret: what the installation knows of the sender.
        nameless: whether it has neither a name nor a time for a delivery.
        query: what stands behind the `?` of its address.
    """

    proof: Proof
    body: Any
    events: tuple[Event, ...]
    other: Any
    named: Headers = field(default_factory=dict)
    other_named: Headers = field(default_factory=dict)
    path: Callable[[str, str], str] = lambda path, _secret: path
    written: Callable[[Any, str], bytes] = plain
    secret: str = SECRET
    nameless: bool = False
    query: str = ""


def bearer(_body: bytes, secret: str) -> Headers:
    return {"Authorization": f"Bearer {secret}"}


def in_header(name: str) -> Proof:
    return lambda _body, secret: {name: secret}


def in_path(path: str, secret: str) -> str:
    return path.replace("{token}", secret or "-")


def nothing(_body: bytes, _secret: str) -> Headers:
    return {}


def signed(name: str, prefix: str = "", algorithm: str = "sha256") -> Proof:
    return lambda body, secret: {name: prefix + hmac.new(secret.encode(), body, algorithm).hexdigest()}


def by_google(_body: bytes, secret: str) -> Headers:
    account, _, audience = secret.partition(" ")
    token = google_token("google-1", datetime.now(UTC), email=account, aud=audience)
    return {"Authorization": f"Bearer {token}"}


def by_sns(body: Any, secret: str) -> bytes:
    return json.dumps(sns_message("sns", {**body, "TopicArn": secret})).encode()


def pushed(delivery: str, image: str, digest: str = DIGEST) -> tuple[Event, ...]:
    return (ImagePushed(delivery=delivery, image=image, tag="1.2.0", digest=digest),)


def moved(delivery: str, url: str) -> tuple[Event, ...]:
    return (SourceChanged(delivery=delivery, url=url, ref="main", commit=COMMIT),)


def changed(body: Any, place: str, value: Any) -> Any:
    """A copy with another value at a place like `detail/result`."""
    copy = json.loads(json.dumps(body))
    *parents, last = place.split("/")
    inner = copy
    for parent in parents:
        inner = inner[int(parent) if parent.isdigit() else parent]
    inner[last] = value
    return copy


NEXUS = {"X-Nexus-Webhook-Id": "rm:repository:component", "X-Nexus-Webhook-Delivery": "7f4a6dde"}
ECR_IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/team/shop"
CASES: dict[str, Case] = {
    "registry": Case(
        proof=bearer,
        body=payloads.REGISTRY,
        events=pushed("320678d8-ca14-430f-8bb6-4ca139cd83f7", "registry.example/team/shop"),
        other=changed(payloads.REGISTRY, "events/0/action", "pull"),
    ),
    "harbor": Case(
        proof=in_header("Authorization"),
        body=payloads.HARBOR,
        events=pushed(f"harbor.example/team/shop:1.2.0@{DIGEST}/1737446601", "harbor.example/team/shop"),
        other=changed(payloads.HARBOR, "type", "DELETE_ARTIFACT"),
    ),
    "dockerhub": Case(
        proof=nothing,
        path=in_path,
        body=payloads.DOCKER_HUB,
        events=pushed("docker.io/team/shop:1.2.0@/1417566161", "docker.io/team/shop", ""),
        other=None,
    ),
    "quay": Case(
        proof=nothing,
        path=in_path,
        body=payloads.QUAY,
        events=pushed("", "quay.io/team/shop", ""),
        other=changed(payloads.QUAY, "updated_tags", []),
        nameless=True,
    ),
    "google": Case(
        proof=by_google,
        secret="push@project.iam.gserviceaccount.com https://sluice.example/google",
        body=payloads.google(payloads.GOOGLE_EVENT),
        events=pushed("2070443601311540", "us-east1-docker.pkg.dev/project/team/shop"),
        other=payloads.google(changed(payloads.GOOGLE_EVENT, "action", "DELETE")),
    ),
    "ecr": Case(
        proof=bearer,
        body=payloads.ECR,
        events=pushed("13cde686-328b-6117-af20-0e5566167482", ECR_IMAGE),
        other=changed(payloads.ECR, "detail/action-type", "DELETE"),
    ),
    "sns": Case(
        proof=lambda _body, _secret: {"x-amz-sns-message-type": "Notification"},
        secret="arn:aws:sns:eu-west-1:123456789012:ecr",
        body={"Message": json.dumps(payloads.ECR)},
        written=by_sns,
        events=pushed("13cde686-328b-6117-af20-0e5566167482", ECR_IMAGE),
        other={"Message": json.dumps(changed(payloads.ECR, "source", "aws.ec2"))},
    ),
    "acr": Case(
        proof=bearer,
        body=payloads.ACR,
        events=pushed("cb8c3971-9adc-488b-xxxx-43cbb4974ff5", "acme.azurecr.io/team/shop"),
        other=changed(payloads.ACR, "action", "delete"),
    ),
    "eventgrid": Case(
        proof=nothing,
        path=in_path,
        body=payloads.EVENT_GRID,
        events=pushed("831e1650-001e-001b-66ab-eeb76e069631", "acme.azurecr.io/team/shop"),
        other=changed(payloads.EVENT_GRID, "0/eventType", "Microsoft.ContainerRegistry.ImageDeleted"),
    ),
    "artifactory": Case(
        proof=signed("X-JFrog-Event-Auth"),
        body=payloads.ARTIFACTORY,
        events=pushed("", "acme.jfrog.io/docker-local/team/shop"),
        other=changed(payloads.ARTIFACTORY, "event_type", "deleted"),
        nameless=True,
    ),
    "nexus": Case(
        proof=signed("X-Nexus-Webhook-Signature", algorithm="sha1"),
        body=payloads.NEXUS,
        events=pushed("7f4a6dde", "registry.example:5000/team/shop", ""),
        other=changed(payloads.NEXUS, "component/format", "npm"),
        named=NEXUS,
        other_named=NEXUS,
        query="registry=registry.example:5000",
    ),
    "github": Case(
        proof=signed("X-Hub-Signature-256", "sha256="),
        body=push_payload("lab/shop", "refs/heads/main", "1" * 40, COMMIT, "https://host/lab/shop.git"),
        events=moved("d-1", "https://host/lab/shop.git"),
        other={"action": "opened"},
        named={"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1"},
        other_named={"X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-2"},
    ),
    "gitlab": Case(
        proof=in_header("X-Gitlab-Token"),
        body=payloads.GITLAB,
        events=moved("u-1/https://gitlab.example/team/shop.git/main", "https://gitlab.example/team/shop.git"),
        other={"object_kind": "pipeline"},
        named={"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "u-1"},
        other_named={"X-Gitlab-Event": "Pipeline Hook", "X-Gitlab-Event-UUID": "u-2"},
    ),
    "bitbucket": Case(
        proof=signed("X-Hub-Signature", "sha256="),
        body=payloads.BITBUCKET,
        events=moved("r-1/main", "https://bitbucket.org/team/shop"),
        other={"issue": {}},
        named={"X-Event-Key": "repo:push", "X-Request-UUID": "r-1"},
        other_named={"X-Event-Key": "issue:created", "X-Request-UUID": "r-2"},
    ),
    "generic": Case(
        proof=signed("X-Signature", "sha256="),
        body={"id": "build-7", "image": "registry.example/team/shop", "tag": "1.2.0", "digest": DIGEST},
        events=pushed("build-7", "registry.example/team/shop"),
        other={"id": "build-8", "chart": "shop"},
    ),
    "cdevents": Case(
        proof=nothing,
        path=in_path,
        body=payloads.CDEVENT,
        events=pushed("/event/source/123/271069a8-fc18-44f1-b38f-9d70a1695819", "registry.example/team/shop"),
        other=changed(payloads.CDEVENT, "context/type", "dev.cdevents.testsuiterun.finished.0.2.0"),
    ),
}
