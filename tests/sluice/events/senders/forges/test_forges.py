"""What GitLab and Bitbucket say of moved branches and tags."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.events.model import Event, SourceChanged
from sluice.events.senders.table import SENDERS
from tests.deployments.doors.cases import changed
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.calls import NOW, call
from tests.sluice.events.senders.payloads import COMMIT, NOTHING

GITLAB = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "u-1"}
CLOUD = {"X-Event-Key": "repo:push", "X-Request-UUID": "r-1"}
SERVER = {"X-Event-Key": "repo:refs_changed", "X-Request-Id": "r-1"}


def sources(sender: str, body: Any, headers: dict[str, str]) -> list[tuple[str, str, str]]:
    found: tuple[Event, ...] = SENDERS[sender].parse(call(body, headers)).events
    assert all(isinstance(one, SourceChanged) for one in found)
    assert len({one.id for one in found}) == len(found)
    return [(one.payload["url"], one.payload["ref"], one.payload["commit"]) for one in found]


def test_a_tag_of_gitlab_s_is_a_changed_source() -> None:
    """`after` of an annotated tag is the tag itself; the commit is what was checked out."""
    body = changed(changed(payloads.GITLAB, "ref", "refs/tags/v1.2.0"), "after", "8" * 40) | {"object_kind": "tag_push"}
    assert sources("gitlab", body, GITLAB) == [("https://gitlab.example/team/shop.git", "refs/tags/v1.2.0", COMMIT)]


def test_a_release_of_gitlab_s_is_a_changed_source_by_its_tag() -> None:
    """Only when it is made: a later edit of its text moves nothing."""
    assert sources("gitlab", payloads.GITLAB_RELEASE, GITLAB) == [
        ("https://gitlab.example/team/shop.git", "refs/tags/v1.1", "")
    ]
    assert sources("gitlab", payloads.GITLAB_RELEASE | {"action": "update"}, GITLAB) == []


def test_a_branch_of_gitlab_s_that_was_deleted_starts_nothing() -> None:
    """There is no commit to fetch."""
    body = payloads.GITLAB | {"after": NOTHING, "checkout_sha": None}
    assert sources("gitlab", body, GITLAB) == []


@pytest.mark.parametrize("ssh", ["ssh://git@gitlab.example:2222/team/shop.git", "git@ssh.gitlab.example:team/shop.git"])
def test_a_gitlab_whose_ssh_is_another_place_is_found_by_both_addresses(ssh: str) -> None:
    """A GitRepository names one of them, and the push is about both."""
    body = changed(payloads.GITLAB, "project/git_ssh_url", ssh)
    assert [url for url, _, _ in sources("gitlab", body, GITLAB)] == ["https://gitlab.example/team/shop.git", ssh]


def test_a_system_hook_of_gitlab_s_is_understood() -> None:
    """It has the name of the event where webhooks have the kind of object."""
    body = {key: value for key, value in payloads.GITLAB.items() if key != "object_kind"}
    assert len(sources("gitlab", body, GITLAB)) == 1


def test_an_old_gitlab_has_no_name_for_a_delivery() -> None:
    """Then its time is taken: a second push must not look like the first."""
    (event,) = SENDERS["gitlab"].parse(call(payloads.GITLAB, {"X-Gitlab-Event": "Push Hook"})).events
    assert event.delivery.startswith(NOW.isoformat())


def test_a_retry_of_gitlab_s_has_the_same_key() -> None:
    """`Idempotency-Key` stays through retries, so it goes before the other name."""
    (event,) = SENDERS["gitlab"].parse(call(payloads.GITLAB, GITLAB | {"Idempotency-Key": "k-1"})).events
    assert event.delivery.startswith("k-1/")


def test_bitbucket_says_the_name_of_a_reference_without_its_kind() -> None:
    """A tag and a branch may have one name; what was deleted has nothing new."""
    one = payloads.BITBUCKET["push"]["changes"][0]
    changes = [one | {"new": one["new"] | {"type": "tag", "name": "v1.2.0"}}, one | {"new": None, "closed": True}, one]
    body = changed(payloads.BITBUCKET, "push/changes", changes)
    assert [ref for _, ref, _ in sources("bitbucket", body, CLOUD)] == ["refs/tags/v1.2.0", "main"]


def test_a_bitbucket_of_one_s_own_is_found_by_all_its_addresses() -> None:
    """Its ssh has another port and path than its http; the http address goes first."""
    assert sources("bitbucket", payloads.BITBUCKET_SERVER, SERVER) == [
        ("https://bitbucket.example/scm/team/shop.git", "main", COMMIT),
        ("ssh://git@bitbucket.example:7999/team/shop.git", "main", COMMIT),
    ]


def test_what_was_deleted_on_a_bitbucket_of_one_s_own_starts_nothing() -> None:
    """github.com/go-playground/webhooks/v6, testdata/bitbucket-server/repo-refs-changed.json is such a one."""
    one = payloads.BITBUCKET_SERVER["changes"][0] | {"type": "DELETE", "toHash": NOTHING}
    assert sources("bitbucket", payloads.BITBUCKET_SERVER | {"changes": [one]}, SERVER) == []


def test_bitbucket_s_test_of_a_connection_is_answered() -> None:
    """Its settings have a button for it, and its body is no push."""
    headers = {"X-Event-Key": "diagnostics:ping", "X-Request-Id": "r-9"}
    assert SENDERS["bitbucket"].parse(call({"test": True}, headers)).pong == "r-9"
