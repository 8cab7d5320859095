"""What counts is what git holds: whatever push or event was lost, the automation's interval brings it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sluice.errors import TransientError
from sluice.manifests.meta import REQUESTED_AT
from tasks.images.writing.delivery import Delivery
from tasks.images.writing.find_git_behind import find_git_behind
from tests.blocks.git.git_server import git
from tests.blocks.git.test_signing import run, ssh_key
from tests.tasks.images.ground import IMAGE, TEAM, Ground, digest, ground, line


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    async with ground(tmp_path, monkeypatch) as made:
        made.repository.write({"apps/shop.yaml": line("1.0.0")})
        made.source()
        made.automation()
        made.policy("1.0.0")
        yield made


async def refused_push(sut: Ground) -> None:
    """A protected branch."""
    hook = sut.repository.folder / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho protected branch; exit 1\n")
    hook.chmod(0o755)
    (written,) = await sut.deliver("1.1.0")
    assert "protected branch" in written.fault
    assert sut.ready()[:2] == ("False", "GitOperationFailed")
    hook.unlink()


async def expired_token(sut: Ground) -> None:
    sut.server.status = 403
    (written,) = await sut.deliver("1.1.0")
    assert written.fault
    assert sut.ready()[0] == "False"
    sut.server.status = 0


async def server_away(sut: Ground) -> None:
    sut.server.status = 503
    with pytest.raises(TransientError):
        await sut.deliver("1.1.0")
    assert sut.ready()[:2] == ("False", "GitOperationFailed")
    sut.server.status = 0


async def lost_event(sut: Ground) -> None:
    """The policy chose, and its worker died."""
    sut.policy("1.1.0")


async def new_mark(sut: Ground) -> None:
    sut.policy("1.1.0")
    assert await sut.turn()
    sut.repository.write({"apps/new.yaml": line("0.1.0")})


async def person_s_edit(sut: Ground) -> None:
    await sut.deliver("1.1.0")
    sut.repository.write({"apps/shop.yaml": line("0.9.0")})


LOST = [refused_push, expired_token, server_away, lost_event, new_mark, person_s_edit]


@pytest.mark.parametrize("lost", LOST, ids=[one.__name__ for one in LOST])
async def test_what_was_lost_is_delivered_at_the_interval(sut: Ground, lost: object) -> None:
    """Without a person and without another push; then nothing is left to do."""
    assert callable(lost)
    await lost(sut)
    sut.later()
    assert await sut.turn()
    for path in ("apps/shop.yaml", "apps/new.yaml") if lost is new_mark else ("apps/shop.yaml",):
        assert sut.repository.read(path) == line("1.1.0").strip()
    assert sut.ready()[0] == "True"
    sut.later()
    assert await sut.look() == []
    assert sut.ready() == ("True", "Succeeded", "repository up-to-date")


async def test_git_is_asked_at_the_interval_and_not_each_minute(sut: Ground) -> None:
    """And at once where a person asks, or has changed the manifest."""
    sut.automation({"interval": "10m"})
    assert await sut.look() == []
    asked = len(sut.server.seen)
    sut.policy("1.1.0")
    sut.later(60)
    assert await sut.look() == []
    assert len(sut.server.seen) == asked
    sut.automation({"interval": "10m"}, annotations={REQUESTED_AT: "now"})
    assert await sut.turn()
    assert sut.status()["lastHandledReconcileAt"] == "now"
    sut.later(60)
    asked = len(sut.server.seen)
    assert await sut.look() == []
    assert len(sut.server.seen) == asked
    sut.automation({"interval": "10m", "update": {"path": "./apps"}})
    assert await sut.look() == []
    assert len(sut.server.seen) > asked
    assert sut.status()["observedGeneration"] == sut.model().metadata.generation


async def test_a_request_that_finds_nothing_to_do_is_answered(sut: Ground) -> None:
    """`flux reconcile image update` waits for it."""
    sut.automation(annotations={REQUESTED_AT: "2026-03-01T12:00:00Z"})
    assert await sut.look() == []
    assert sut.status()["lastHandledReconcileAt"] == "2026-03-01T12:00:00Z"


async def test_a_suspended_automation_writes_nothing_until_it_goes_on(sut: Ground) -> None:
    """Then it catches up at once."""
    sut.automation({"suspend": True})
    sut.policy("1.1.0")
    sut.later(600)
    assert await sut.turn() == []
    assert await sut.deliver("1.1.0") == []
    sut.automation({"suspend": False})
    assert await sut.turn()
    assert "1.1.0" in sut.repository.read("apps/shop.yaml")


async def test_what_fails_is_tried_again_as_another_event_each_time(sut: Ground) -> None:
    """One that waits for its run is not started twice."""
    sut.policy("1.1.0")
    (first,) = await find_git_behind.fn()
    sut.later()
    (again,) = await find_git_behind.fn()
    assert first.id == again.id
    sut.cluster.add(
        {**sut.cluster.now("ImageUpdateAutomation", "auto", TEAM), "status": {"lastAutomationRunTime": "x"}}
    )
    sut.later()
    (third,) = await find_git_behind.fn()
    assert third.id != first.id


async def test_the_status_is_as_flux_writes_it(sut: Ground) -> None:
    """What was chosen, from where, what was pushed and when; a digest that is gone stays nowhere."""
    await sut.deliver("1.1.0", digest("a"))
    status = sut.status()
    head = sut.repository.head()
    assert status["observedPolicies"] == {"shop": {"name": IMAGE, "tag": "1.1.0", "digest": digest("a")}}
    assert status["observedSourceRevision"] == f"main@sha1:{head}"
    assert (status["lastPushCommit"], bool(status["lastPushTime"])) == (head, True)
    assert status["lastAutomationRunTime"]
    assert sut.ready() == ("True", "Succeeded", f"pushed commit '{head[:7]}' to branch 'main'")
    sut.policy("1.2.0")
    sut.policy("7", "other")
    sut.later()
    await sut.turn()
    assert sut.status()["observedPolicies"] == {"shop": {"name": IMAGE, "tag": "1.2.0"}}
    assert sut.status()["lastPushCommit"] == sut.repository.head()


async def test_a_newer_choice_is_never_replaced_by_an_older_one(sut: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has read the policies; before it pushes, another delivers the next version."""
    sut.policy("1.1.0")
    real, overtaken = Delivery.message, False

    def late(delivery: Delivery) -> str:
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            sut.policy("1.2.0")
            sut.repository.write({"apps/shop.yaml": line("1.2.0")}, message="the faster one")
        return real(delivery)

    monkeypatch.setattr(Delivery, "message", late)
    sut.later()
    await sut.turn()
    assert overtaken
    assert sut.repository.read("apps/shop.yaml") == line("1.2.0").strip()
    assert sut.repository.log()[0] == "the faster one"


async def test_one_odd_file_does_not_keep_the_others_from_their_images(sut: Ground) -> None:
    """A chart's template that has a mark in it is named, and the rest is delivered."""
    sut.repository.write({"apps/chart.yaml": line("1.0.0") + 'a: "{{ .Values.x }}\n'})
    await sut.deliver("1.1.0")
    assert "1.1.0" in sut.repository.read("apps/shop.yaml")
    (odd,) = [one["message"] for one in sut.status()["conditions"] if one["type"] == "UnsupportedFields"]
    assert "apps/chart.yaml: not a YAML file" in odd
    assert sut.ready()[0] == "True"


async def test_only_the_policies_that_an_automation_selects_are_written(sut: Ground) -> None:
    """By labels, as a Deployment selects its pods."""
    sut.repository.write({"apps/other.yaml": line("1", "other")})
    sut.policy("1.1.0", labels={"tier": "web"})
    sut.policy("2", "other", labels={"tier": "batch"})
    sut.automation(
        {"policySelector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["batch"]}]}}
    )
    sut.later()
    await sut.turn()
    assert sut.repository.read("apps/other.yaml") == line("1", "other").strip()
    assert "1.1.0" in sut.repository.read("apps/shop.yaml")


@pytest.mark.parametrize(
    ("ref", "shown"),
    [({"tag": "v1.0.0"}, "v1.0.0"), ({"semver": "1.x"}, "v1.0.0"), ({"name": "refs/tags/v1.0.0"}, "refs/tags/v1.0.0")],
    ids=["tag", "semver", "name"],
)
async def test_an_update_may_start_from_a_tag(sut: Ground, ref: dict[str, str], shown: str) -> None:
    """With a branch to push to; without one the condition says what is missing."""
    git("tag", "v1.0.0", "main", folder=sut.repository.folder)
    sut.repository.write({"apps/late.yaml": line("1.0.0")})
    sut.automation({"git": {"checkout": {"ref": ref}}})
    (written,) = await sut.deliver("1.1.0")
    assert "spec.git.push.branch" in written.fault
    sut.automation({"git": {"checkout": {"ref": ref}, "push": {"branch": "updates"}}})
    await sut.deliver("1.1.0")
    assert "1.1.0" in sut.repository.read("apps/shop.yaml", "updates")
    tagged = git("rev-parse", "v1.0.0", folder=sut.repository.folder)
    assert sut.repository.log("%P", branch="updates")[0] == tagged
    assert sut.status()["observedSourceRevision"] == f"{shown}@sha1:{tagged}"
    sut.later()
    assert await sut.look() == []


async def test_an_update_may_start_from_a_commit(sut: Ground) -> None:
    """As a GitRepository may name one."""
    first = sut.repository.head()
    sut.repository.write({"apps/late.yaml": line("1.0.0")})
    ref = {"commit": first, "branch": "main"}
    sut.automation({"git": {"checkout": {"ref": ref}, "push": {"branch": "updates"}}})
    await sut.deliver("1.1.0")
    assert sut.repository.log("%P", branch="updates")[0] == first


async def test_a_commit_is_signed_by_the_key_of_the_secret(sut: Ground, tmp_path: Path) -> None:
    """The Secret is of the automation's namespace; without the key, the condition names the field."""
    home = tmp_path / "person"
    home.mkdir(mode=0o700)
    key = ssh_key(home, "ed25519", "open sesame")
    signing = {"git": {"commit": {"signingKey": {"type": "ssh", "secretRef": {"name": "signing"}}}}}
    sut.automation(signing)
    data = {"password": "open sesame"}
    for more, well in (({}, False), ({"identity": key}, True)):
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in (data | more).items()}
        sut.cluster.add({"kind": "Secret", "metadata": {"name": "signing", "namespace": TEAM}, "data": encoded})
        (written,) = await sut.deliver("1.1.0")
        assert bool(written.files) is well
        assert ("has no identity" in written.fault) is not well
    setting = f"gpg.ssh.allowedSignersFile={home / 'allowed'}"
    said = run(home, "git", "-C", str(sut.repository.folder), "-c", setting, "verify-commit", "main")
    assert 'Good "git" signature' in said
