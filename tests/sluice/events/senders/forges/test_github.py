"""What GitHub's webhooks mean."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sluice.errors import InvalidError
from sluice.events.model import Event, ImagePushed, SourceChanged
from sluice.events.senders.forges.github import GitHub
from tests.sluice.events.senders.calls import call

DIGEST = "sha256:" + "b" * 64


def from_webhook(event: str, delivery: str, body: Any) -> list[Event]:
    headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    return [*GitHub().parse(call(body, headers)).events]


def push(**changes: Any) -> dict[str, Any]:
    body = {
        "ref": "refs/heads/feature/x",
        "after": "c0ffee",
        "deleted": False,
        "repository": {"clone_url": "https://host/a.git"},
    }
    return body | changes


def package(event: str, url: str = "https://ghcr.io/team/shop:1.2", **tag: Any) -> dict[str, Any]:
    version = {"package_url": url, "container_metadata": {"tag": {"name": "1.2", "digest": DIGEST} | tag}}
    return {"action": "published", event: {"package_type": "CONTAINER", "package_version": version}}


def release(action: str) -> dict[str, Any]:
    """As npm @octokit/webhooks-examples has it, of api.github.com."""
    made = {"id": 17372790, "tag_name": "v1.2.0", "target_commitish": "main", "draft": False, "prerelease": False}
    return {"action": action, "release": made, "repository": {"clone_url": "https://host/a.git"}}


def test_a_push_to_a_branch_is_a_changed_source() -> None:
    """The branch keeps its slashes, the commit is the one it points at now."""
    assert from_webhook("push", "d", push()) == [
        SourceChanged(delivery="d", url="https://host/a.git", ref="feature/x", commit="c0ffee")
    ]


def test_a_webhook_of_the_other_content_type_is_understood() -> None:
    """A form is what GitHub sends unless a person chooses JSON; the signature is of the raw body either way."""
    form = urlencode({"payload": json.dumps(push())}).encode()
    headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d", "Content-Type": "application/x-www-form-urlencoded"}
    assert [*GitHub().parse(call(form, headers)).events] == from_webhook("push", "d", push())
    with pytest.raises(InvalidError, match=r"^body: no JSON"):
        GitHub().parse(call(b"payload=%7B", headers))


@pytest.mark.parametrize(
    ("ssh", "found"),
    [("git@host:a.git", 1), ("ssh://git@host/a.git", 1), ("ssh://git@host:2222/a.git", 2), ("git@ssh.host:a.git", 2)],
)
def test_a_server_whose_ssh_is_another_place_is_found_by_both_addresses(ssh: str, found: int) -> None:
    """On github.com both are one place; a Gitea or an Enterprise Server may have another host or port."""
    body = push(repository={"clone_url": "https://host/a.git", "ssh_url": ssh})
    events = from_webhook("push", "d", body)
    assert [one.payload["url"] for one in events] == ["https://host/a.git", ssh][:found]
    assert len({one.id for one in events}) == found


def test_a_push_of_a_tag_is_a_changed_source() -> None:
    """A GitRepository may follow tags, by name or by semver."""
    assert from_webhook("push", "d", push(ref="refs/tags/v1.2.0")) == [
        SourceChanged(delivery="d", url="https://host/a.git", ref="refs/tags/v1.2.0", commit="c0ffee")
    ]


@pytest.mark.parametrize("action", ["published", "released"])
def test_a_published_release_is_a_changed_source_by_its_tag(action: str) -> None:
    """It starts the same way as a push of that tag; when a prerelease becomes a release there is no push at all."""
    assert from_webhook("release", "d", release(action)) == [
        SourceChanged(delivery="d", url="https://host/a.git", ref="refs/tags/v1.2.0", commit="")
    ]


@pytest.mark.parametrize("event", ["package", "registry_package"])
def test_a_tag_that_moved_is_a_pushed_image(event: str) -> None:
    """GHCR says `updated` of a second push, with the metadata of the first or, as its description has it, without any."""
    expected = [ImagePushed(delivery="d", image="ghcr.io/team/shop", tag="1.2", digest=DIGEST)]
    assert from_webhook(event, "d", package(event) | {"action": "updated"}) == expected
    bare = package(event)
    bare[event]["package_version"] |= {"container_metadata": None, "version": DIGEST}
    assert from_webhook(event, "d", bare | {"action": "updated"}) == expected


@pytest.mark.parametrize("event", ["package", "registry_package"])
@pytest.mark.parametrize(
    ("url", "image"),
    [
        ("https://ghcr.io/team/shop:1.2", "ghcr.io/team/shop"),
        ("ghcr.io/team/shop:1.2", "ghcr.io/team/shop"),
        ("http://127.0.0.1:15000/shop:1.2", "127.0.0.1:15000/shop"),
        ("127.0.0.1:15000/shop", "127.0.0.1:15000/shop"),
    ],
)
def test_a_published_container_is_a_pushed_image(event: str, url: str, image: str) -> None:
    """Both names that GitHub has for it; the image without scheme and tag, and a registry's port is no tag."""
    assert from_webhook(event, "d", package(event, url)) == [
        ImagePushed(delivery="d", image=image, tag="1.2", digest=DIGEST)
    ]


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("push", push(ref="refs/notes/commits")),
        ("push", push(deleted=True)),
        ("push", push(ref="refs/tags/v1", deleted=True)),
        ("push", push(after="0" * 40)),
        ("release", release("created")),
        ("release", release("deleted")),
        ("package", package("package") | {"action": "deleted"}),
        ("package", package("package", name="")),
        ("package", {"action": "published", "package": {"package_type": "npm"}}),
        ("issues", {"anything": 1}),
        ("issues", None),
    ],
    ids=[
        "notes",
        "deleted branch",
        "deleted tag",
        "deleted branch of a Gitea",
        "draft",
        "deleted release",
        "deleted package",
        "untagged",
        "npm",
        "other event",
        "other event, no body",
    ],
)
def test_what_is_none_of_our_business_is_no_error(event: str, body: Any) -> None:
    """A webhook may be subscribed to more than we use."""
    found: list[Event] = from_webhook(event, "d", body)
    assert found == []


@pytest.mark.parametrize(
    ("event", "body", "field"),
    [
        ("push", [], "body"),
        ("push", {}, "ref"),
        ("push", push(repository=None), "repository"),
        ("push", push(repository={}), "repository.clone_url"),
        ("push", push(after=None), "after"),
        ("package", {"action": "published"}, "package"),
        ("package", {"action": "published", "package": {"package_type": "CONTAINER"}}, "package.package_version"),
        ("package", package("package", name=7), "package.package_version.container_metadata.tag"),
    ],
)
def test_a_malformed_body_is_refused_with_the_name_of_the_field(event: str, body: Any, field: str) -> None:
    """The person who set up the webhook learns what is wrong."""
    with pytest.raises(InvalidError) as refused:
        from_webhook(event, "d", body)
    assert str(refused.value).startswith(f"{field}:")
