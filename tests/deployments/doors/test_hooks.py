"""Flux's Receivers: their addresses, how each type is verified, and what a delivery asks."""

from __future__ import annotations

import asyncio
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from blocks.kubernetes.follow import News
from blocks.kubernetes.kinds import GIT_REPOSITORY, IMAGE_REPOSITORY, KUSTOMIZATION, RECEIVER, SECRET
from deployments.doors.hooks import follow
from deployments.doors.hooks.door import hook_route
from deployments.doors.hooks.follow import Hooks
from deployments.doors.receiver import application
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from sluice.errors import TransientError
from sluice.events.model import SourceChanged
from sluice.events.receivers.types import TYPES
from sluice.manifests.flux.receiver import REQUESTED_AT
from tests.deployments.doors.hook_site import (
    ACCOUNT,
    AUDIENCE,
    BODY,
    OIDC,
    TOKEN,
    Site,
    oidc_token,
    path,
    receiver,
    secret,
    thing,
)
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.signed import google_token


def hmac_of(header: str, algorithm: str, prefix: str = "") -> Any:
    return lambda: {header: prefix + hmac.new(TOKEN.encode(), BODY, algorithm).hexdigest()}


def address(name: str) -> str:
    """Without a token the address of a Receiver is no secret, in Flux too."""
    return path("") if name == "generic-oidc" else path()


PROOFS: dict[str, Any] = {
    "generic": dict,
    "generic-hmac": hmac_of("X-Signature", "sha512", "sha512="),
    "generic-oidc": lambda: {"Authorization": f"Bearer {oidc_token()}"},
    "github": hmac_of("X-Hub-Signature-256", "sha256", "sha256="),
    "gitlab": lambda: {"X-Gitlab-Token": TOKEN},
    "bitbucket": hmac_of("X-Hub-Signature", "sha256", "sha256="),
    "harbor": lambda: {"Authorization": TOKEN},
    "dockerhub": dict,
    "quay": dict,
    "gcr": lambda: {"Authorization": f"Bearer {google_token('google-1', datetime.now(UTC))}"},
    "nexus": hmac_of("X-Nexus-Webhook-Signature", "sha1"),
    "acr": dict,
    "cdevents": dict,
}
KEPT = ((GIT_REPOSITORY, "fleet"), (KUSTOMIZATION, "all"))


async def no_post(_events: object) -> int:
    return 0


every_type = pytest.mark.parametrize("name", TYPES)


def test_every_type_is_tried_here() -> None:
    """All of Flux's."""
    assert set(PROOFS) == set(TYPES)


@every_type
async def test_a_delivery_asks_the_resource(site: Site, name: str) -> None:
    """By Flux's annotation, so that what reconciles the object answers. Nothing else of it changes."""
    await site.has(
        secret(token=TOKEN, email=ACCOUNT, audience=AUDIENCE), receiver(name), thing(GIT_REPOSITORY, "fleet")
    )
    assert site.status()["webhookPath"] == address(name)
    answer = await site.call(address(name), **PROOFS[name]())
    assert (answer.status_code, answer.json()) == (202, {"asked": ["GitRepository/apps/fleet"]})
    assert datetime.fromisoformat(site.asked(GIT_REPOSITORY, "fleet")).tzinfo is not None


@every_type
async def test_a_delivery_without_the_proof_of_its_type_asks_nothing(site: Site, name: str) -> None:
    """Even at the right address; where the address is all the proof there is, it is the only way in."""
    await site.has(
        secret(token=TOKEN, email=ACCOUNT, audience=AUDIENCE), receiver(name), thing(GIT_REPOSITORY, "fleet")
    )
    answers = [await site.call(path("other"), **PROOFS[name]())]
    if PROOFS[name] is not dict:
        answers += [
            await site.call(address(name)),
            await site.call(address(name), body=b"{}", **dict.fromkeys(PROOFS[name](), "sha256=" + "0" * 64)),
        ]
    assert [answer.status_code for answer in answers] == [404, 401, 401][: len(answers)]
    assert site.asked(GIT_REPOSITORY, "fleet") == ""
    assert all(TOKEN not in answer.text for answer in answers)


@pytest.mark.parametrize("at", ["/hook/" + "0" * 64, "/hook/", "/hook/x/y", path("", "shop", "apps"), path() + "0"])
async def test_an_address_that_no_receiver_has_is_none(site: Site, at: str) -> None:
    """404 for all of them, and nothing is read for it."""
    await site.has(secret(), receiver())
    assert (await site.call(at)).status_code == 404


async def test_only_events_that_are_named_count(site: Site) -> None:
    """However they are written; the others are acknowledged."""
    await site.has(secret(), receiver("gitlab", events=["push hook"]), thing(GIT_REPOSITORY, "fleet"))
    other = await site.call(X_Gitlab_Token=TOKEN, X_Gitlab_Event="Tag Push Hook")
    assert (other.status_code, other.json()) == (202, {"asked": [], "ignored": "Tag Push Hook"})
    assert site.asked(GIT_REPOSITORY, "fleet") == ""
    assert (await site.call(X_Gitlab_Token=TOKEN, X_Gitlab_Event="Push Hook")).json()["asked"]


async def test_resources_of_many_kinds_namespaces_and_labels_are_asked(site: Site) -> None:
    """`*` means all of a namespace with the labels; the kinds of Flux need no API version."""
    wanted = [
        {"kind": "ImageRepository", "name": "*", "matchLabels": {"team": "shop", "tier": "web"}},
        {"kind": "Kustomization", "name": "all", "namespace": "infra"},
        {"kind": "GitRepository", "name": "*", "matchLabels": {"team": "nobody"}},
    ]
    await site.has(
        secret(),
        receiver("generic", *wanted),
        thing(IMAGE_REPOSITORY, "a", team="shop", tier="web"),
        thing(IMAGE_REPOSITORY, "b", team="shop", tier="web", more="x"),
        thing(IMAGE_REPOSITORY, "c", team="shop"),
        thing(IMAGE_REPOSITORY, "d", "infra", team="shop", tier="web"),
        thing(KUSTOMIZATION, "all", "infra"),
    )
    answer = await site.call()
    expected = ["ImageRepository/apps/a", "ImageRepository/apps/b", "Kustomization/infra/all"]
    assert (answer.status_code, sorted(answer.json()["asked"])) == (202, expected)
    assert site.asked(IMAGE_REPOSITORY, "c") == site.asked(IMAGE_REPOSITORY, "d", "infra") == ""


async def test_one_resource_that_is_not_there_does_not_keep_the_others_from_being_asked(site: Site) -> None:
    """It is named; where none could be asked, the sender is shown that its webhook is wrong."""
    gone, there = {"kind": "GitRepository", "name": "gone"}, {"kind": "GitRepository", "name": "fleet"}
    await site.has(secret(), receiver("generic", gone, there), thing(GIT_REPOSITORY, "fleet"))
    answer = await site.call()
    assert (answer.status_code, answer.json()["asked"]) == (202, ["GitRepository/apps/fleet"])
    assert answer.json()["faults"] == ["GitRepository gone: GitRepository apps/gone does not exist"]
    site.cluster.vanish(GIT_REPOSITORY, "fleet", "apps")
    assert (await site.call()).status_code == 422


async def test_a_namespace_that_is_not_looked_after_is_not_touched(site: Site) -> None:
    """SLUICE_NAMESPACES holds here too."""
    site.cluster.namespaces = ("apps",)  # type: ignore[attr-defined]
    elsewhere = {"kind": "GitRepository", "name": "fleet", "namespace": "other"}
    await site.has(secret(), receiver("generic", elsewhere), thing(GIT_REPOSITORY, "fleet", "other"))
    answer = await site.call()
    assert (answer.status_code, "SLUICE_NAMESPACES" in answer.json()["faults"][0]) == (422, True)
    assert site.asked(GIT_REPOSITORY, "fleet", "other") == ""


async def test_a_token_that_was_taken_away_opens_nothing(site: Site) -> None:
    """A few seconds after the Secret was changed, without a word from anybody; the status has the new address."""
    await site.has(secret(), receiver(), thing(GIT_REPOSITORY, "fleet"))
    site.cluster.add(secret(token="rotated"))
    site.now += follow.FRESH + 1
    assert (await site.call()).status_code == 404
    assert site.asked(GIT_REPOSITORY, "fleet") == ""
    assert site.status()["webhookPath"] == path("rotated")
    assert (await site.call(path("rotated"))).status_code == 202


@pytest.mark.parametrize("name", ["github", "gitlab", "harbor", "nexus"])
async def test_a_line_feed_at_the_end_of_a_token_is_no_part_of_what_a_sender_knows(site: Site, name: str) -> None:
    """`echo token | base64` is how many Secrets are made. The address has it in its hash, as Flux makes it."""
    await site.has(secret(token=f"{TOKEN}\n"), receiver(name), thing(GIT_REPOSITORY, "fleet"))
    assert (await site.call(path(f"{TOKEN}\n"), **PROOFS[name]())).status_code == 202


async def test_a_signature_with_the_old_token_is_refused_after_a_change(site: Site) -> None:
    """Of a signing sender the address changes as well; both are made of the token."""
    await site.has(secret(), receiver("github"), thing(GIT_REPOSITORY, "fleet"))
    old = PROOFS["github"]()
    site.cluster.add(secret(token="rotated"))
    site.now += follow.FRESH + 1
    assert [(await site.call(at, **old)).status_code for at in (path(), path("rotated"))] == [404, 401]


async def test_the_secret_is_read_again_at_the_interval_and_when_asked(site: Site) -> None:
    """`flux reconcile receiver`, or a new generation; the request is answered in the status."""
    await site.has(secret(), receiver(interval="1m"))
    site.cluster.add(secret(token="rotated"))
    asked = receiver(interval="1m")
    asked["metadata"]["annotations"] = {REQUESTED_AT: "now"}
    await site.cluster.patch(RECEIVER, "shop", "apps", asked)
    async with asyncio.timeout(10):
        while site.status().get("lastHandledReconcileAt") != "now":
            await asyncio.sleep(0)
    assert site.status()["webhookPath"] == path("rotated")


@pytest.mark.parametrize(
    ("manifests", "reason", "said"),
    [
        ([receiver()], "TokenNotFound", "unable to read token from secret 'apps/webhook'"),
        (
            [receiver(), secret(other="x")],
            "TokenNotFound",
            "invalid 'apps/webhook' secret data: required fields 'token'",
        ),
        ([receiver(), secret(token=" ")], "TokenNotFound", "required fields 'token'"),
        ([receiver("gcr"), secret()], "TokenNotFound", "required fields 'email', 'audience'"),
        (
            [receiver("generic-other"), secret()],
            "ValidationFailed",
            "spec.type 'generic-other' is not supported; use one of: generic",
        ),
        ([receiver("generic-oidc", secretRef={"name": "webhook"})], "ValidationFailed", "spec.secretRef cannot be set"),
        ([receiver("generic-oidc", oidcProviders=[])], "ValidationFailed", "spec.oidcProviders is required"),
        ([receiver(oidcProviders=OIDC), secret()], "ValidationFailed", "spec.oidcProviders can only be set"),
        (
            [receiver("generic", {"kind": "GitRepository", "name": "*"}), secret()],
            "ValidationFailed",
            "spec.resources[0].matchLabels",
        ),
        ([receiver(secretRef=None), secret()], "ValidationFailed", "spec.secretRef is required"),
    ],
)
async def test_a_receiver_that_cannot_be_opened_says_why(
    site: Site, manifests: list[dict[str, Any]], reason: str, said: str
) -> None:
    """In its Ready condition, in Flux's words; and it has no address."""
    await site.has(*manifests)
    status, why, message = site.ready()
    assert (status, why, site.status()["webhookPath"]) == ("False", reason, "")
    assert said in message
    assert (await site.call(path("" if reason == "TokenNotFound" else TOKEN))).status_code == 404
    assert (await site.call(path(""))).status_code == 404


async def test_a_secret_that_comes_later_opens_the_door(site: Site) -> None:
    """At the interval at the latest."""
    await site.has(receiver(interval="1m"))
    site.cluster.add(secret())
    site.now += 61
    await site.hooks.look(("apps", "shop"))
    assert site.ready() == ("True", "Succeeded", f"Receiver initialized for path: {path()}")


async def test_a_receiver_that_is_suspended_asks_nothing(site: Site) -> None:
    """503, as Flux answers: the sender may come again. Its status stays as it is."""
    await site.has(secret(), receiver(suspend=True), thing(GIT_REPOSITORY, "fleet"))
    assert (await site.call()).status_code == 503
    assert (site.asked(GIT_REPOSITORY, "fleet"), site.status()) == ("", {})


async def test_a_receiver_that_is_deleted_has_no_address_any_more(site: Site) -> None:
    """At once: the watch brings it."""
    await site.has(secret(), receiver(), thing(GIT_REPOSITORY, "fleet"))
    site.cluster.vanish(RECEIVER, "shop", "apps")
    async with asyncio.timeout(10):
        while site.hooks.known:
            await asyncio.sleep(0)
    assert (await site.call()).status_code == 404


async def test_while_the_api_server_is_away_the_sender_comes_again(site: Site) -> None:
    """503 with a time: nothing was asked yet."""
    await site.has(secret(), receiver(), thing(GIT_REPOSITORY, "fleet"))

    async def away(when: str, _object: object) -> None:
        raise TransientError("the API server is away", retry_after=7)

    site.cluster.gate = away
    answer = await site.call()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    site.cluster.gate = None
    assert (await site.call()).status_code == 202


async def test_an_unchanged_receiver_is_written_once(site: Site) -> None:
    """A status that says what it should costs no request, however often the Secret is read; two receivers agree."""
    await site.has(secret(), receiver())
    writes = [act for act in site.cluster.acts if "Receiver" in act]
    for _ in range(3):
        site.now += 700
        await site.hooks.look(("apps", "shop"))
    other = Hooks(site.cluster)  # type: ignore[arg-type]
    other._update(site.cluster.objects[("Receiver", "apps", "shop")])
    await other.look(("apps", "shop"))
    assert [act for act in site.cluster.acts if "Receiver" in act] == writes
    assert len(writes) == 1


FLUX_GUIDE = (
    "has(res.metadata.annotations) && "
    "req.tag.split('/').last().value().split(\":\").first().value() == res.metadata.annotations['update-image']"
)
"""The example of Flux's page of Receivers."""


async def test_only_objects_that_fulfil_the_filters_are_asked(site: Site) -> None:
    """Both of them: the one for all resources and a resource's own, over its metadata and what the registry published."""
    labels = {"kind": "ImageRepository", "name": "*", "matchLabels": {"registry": "gar"}}
    one = thing(IMAGE_REPOSITORY, "shop", registry="gar", environment="production")
    other = thing(IMAGE_REPOSITORY, "web", registry="gar", environment="production")
    third = thing(IMAGE_REPOSITORY, "test", registry="gar", environment="test")
    for made, image in ((one, "shop"), (other, "web"), (third, "shop")):
        made["metadata"]["annotations"] = {"update-image": image}
    named = {"kind": "ImageRepository", "name": "web"}
    filtered = labels | {"filter": "res.metadata.labels['environment'] == 'production'"}
    wanted = receiver("gcr", filtered, named, resourceFilter=FLUX_GUIDE)
    await site.has(secret(token=TOKEN, email=ACCOUNT, audience=AUDIENCE), wanted, one, other, third)
    body = json.dumps(payloads.google(payloads.GOOGLE_EVENT)).encode()
    answer = await site.call(body=body, **PROOFS["gcr"]())
    assert (answer.status_code, answer.json()) == (202, {"asked": ["ImageRepository/apps/shop"]})


@pytest.mark.parametrize(
    ("content_type", "asked"), [("application/json", 1), ("application/vnd.x+json", 1), ("text/plain", 0), ("", 0)]
)
async def test_a_filter_sees_a_body_that_is_said_to_be_json(site: Site, content_type: str, asked: int) -> None:
    """As Flux: any other body is an empty object, and what is not there is not true."""
    await site.has(secret(), receiver(resourceFilter="req.project.name == 'Shop'"), thing(GIT_REPOSITORY, "fleet"))
    answer = await site.call(Content_Type=content_type)
    assert (answer.status_code, len(answer.json()["asked"])) == (202, asked)
    assert (await site.call(body=b"{", Content_Type="application/json")).status_code == 400


async def test_a_filter_that_is_no_cel_closes_the_door(site: Site) -> None:
    """It says where it is wrong, and asks nobody: a filter that is believed in and not obeyed would be worse."""
    await site.has(secret(), receiver(resourceFilter="res.metadata.name =="), thing(GIT_REPOSITORY, "fleet"))
    status, reason, message = site.ready()
    assert (status, reason) == ("False", "InvalidCELExpression")
    assert "'res.metadata.name =='" in message
    assert (await site.call()).status_code == 404


async def test_without_a_cluster_every_address_is_unknown() -> None:
    """The other doors work on; `sluice receiver` needs no cluster."""

    async def post(_events: object) -> int:
        return 0

    app = application(post, [], lambda _: None, others=lambda guard: [hook_route(lambda: None, guard)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        assert (await client.post(path(), content=BODY)).status_code == 404


def test_a_secret_s_key_is_what_flux_calls_it() -> None:
    """`token`, and for gcr also `email` and `audience`."""
    assert {name for name, one in TYPES.items() if one.known != ("token",)} == {"gcr"}
    assert SECRET.plural == "secrets"


async def test_a_delivery_to_a_receiver_starts_a_sync(site: Site) -> None:
    """What the receiver asks the watchers answer: a source by a look at its branch, a follower by being applied."""
    source, follower = thing(GIT_REPOSITORY, "fleet"), thing(KUSTOMIZATION, "all")
    source["spec"] = {"url": "https://git.test/fleet.git", "interval": "1h", "ref": {"branch": "main"}}
    follower["spec"] = {"sourceRef": {"kind": "GitRepository", "name": "fleet"}, "interval": "1h", "prune": True}
    resources = [{"kind": "GitRepository", "name": "fleet"}, {"kind": "Kustomization", "name": "all"}]
    await site.has(secret(), receiver("generic", *resources), source, follower)
    watcher = SourceWatcher(site.cluster, Announcer(no_post))  # type: ignore[arg-type]

    def seen() -> list[SourceChanged]:
        now = [(kind, site.cluster.objects[(kind.kind, "apps", name)]) for kind, name in KEPT]
        return [event for kind, one in now for event in watcher.update(kind, News([one]))]

    assert len(seen()) == 2
    assert seen() == []
    await site.call()
    first = seen()
    assert [(event.url, event.ref, event.reapply) for event in first] == [
        ("https://git.test/fleet.git", "main", ""),
        ("https://git.test/fleet.git", "main", "apps/all"),
    ]
    await site.call()
    assert {event.id for event in seen()}.isdisjoint({event.id for event in first})
