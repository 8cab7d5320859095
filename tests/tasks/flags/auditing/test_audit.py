"""An audit from its FlagAudit to pull requests, merge, deployment and the end of the flag in its service."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from sluice.errors import ForbiddenError, InvalidError, SluiceError, TransientError
from sluice.manifests.own.flag_audit import DeployedBy
from tasks.flags.auditing.removals.deployed import RUNNING
from tests.blocks.git.git_server import git
from tests.tasks.flags.auditing.world import LONG, SHOP, TEAM, World

BRANCH = "sluice/remove-flag/new-checkout"


async def test_what_is_found_is_in_status_artifact_and_chat(sut: World, reported: list[Any]) -> None:
    """With place, owner, since when and who says so."""
    sut.repository()
    sut.repository("web", {"app.py": SHOP.replace("new-checkout", "new-chekcout"), "CODEOWNERS": "* @web\n"})
    sut.service.put("new-checkout")
    sut.service.put("unused", "false")
    sut.audit("shop", "web", openPullRequests=False)
    state = await sut.run()
    assert state.message == "audited: team/weekly: 3 flags: 1 mistyped, 1 unknown-in-code, 1 fully-on"
    (finished,) = reported
    found = {row.flag: row for row in finished.rows}
    (place,) = found["new-checkout"].places
    assert (str(place), place.owners) == ("team/shop shop.py:8", ("@ann",))
    assert (found["new-checkout"].since, found["new-checkout"].said_by) == (LONG, "service")
    assert found["new-chekcout"].near == "new-checkout"
    (message,) = sut.chat.said
    assert message.facts == {
        "@ann": "new-checkout (fully on, 60 d)",
        "@web": "new-chekcout (mistyped)",
        "no owner": "unused (unknown in code)",
    }
    assert {one.key: (one.finding, one.places) for one in sut.status.flags} == {
        "new-checkout": ("fully-on", 1),
        "new-chekcout": ("mistyped", 1),
        "unused": ("unknown-in-code", 0),
    }
    assert sut.ready[0] == "True"
    assert await sut.asked() == []


async def test_a_line_that_codeowners_gives_nobody_is_its_author_s(sut: World, reported: list[Any]) -> None:
    """By blame."""
    sut.repository(files={"shop.py": SHOP})
    sut.service.put("new-checkout")
    sut.audit(openPullRequests=False)
    await sut.run()
    assert reported[0].rows[0].owners == ("Bob",)


async def test_a_removal_is_one_pull_request_however_often_the_audit_runs(sut: World) -> None:
    """With its owner as reviewer; nothing but the flag's lines differs."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    for _ in range(3):
        assert (await sut.run()).name == "Audited"
    (pull,) = await sut.pulls()
    assert (pull["state"], pull["head"]["ref"], pull["base"]["ref"]) == ("open", BRANCH, "main")
    assert "in every environment" in pull["body"]
    calls = await sut.asked()
    assert [one["path"].rpartition("/")[2] for one in calls] == ["pulls", "requested_reviewers"]
    assert calls[1]["body"]["reviewers"] == ["ann"]
    text = repository.read("shop.py", BRANCH)
    assert "new-checkout" not in text
    assert "return new(cart)" in text
    kept = git("diff", "--name-only", "main", BRANCH, folder=repository.folder).splitlines()
    assert kept == ["shop.py"]
    (removal,) = sut.status.removals
    assert (removal.state, removal.number, removal.value) == ("open", 1, "true")


async def test_a_flag_that_moves_again_closes_its_pull_request(sut: World) -> None:
    """With the reason, and without its branch."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    sut.service.put("new-checkout", "false", since=None)
    await sut.run()
    ((pull),) = await sut.pulls()
    assert pull["state"] == "closed"
    said = [one["body"]["body"] for one in await sut.asked() if one["path"].endswith("/comments")]
    assert said == [
        "Closed by sluice: the flag moved again (production: false for everybody). When there is something to remove again, "
        "it is a new pull request."
    ]
    assert sut.status.removals == ()
    assert git("for-each-ref", "refs/heads/sluice", folder=repository.folder) == ""


async def test_what_a_person_closed_is_not_proposed_again(sut: World) -> None:
    """Nor after others have edited the file elsewhere."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    await sut.close()
    repository.write({"shop.py": "VERSION = 2\n" + SHOP})
    await sut.run()
    assert [one["state"] for one in await sut.pulls()] == ["closed"]
    assert sut.status.removals[0].state == "declined"


async def test_a_person_s_commit_on_the_branch_is_kept_and_said(sut: World, reported: list[Any]) -> None:
    """Whatever happens on main."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    theirs = repository.write({"shop.py": "by hand\n"}, branch=BRANCH)
    repository.write({"shop.py": SHOP.replace("cart[:1]", "cart[:2]")})
    await sut.run()
    assert repository.head(BRANCH) == theirs
    assert sut.status.removals[0].state == "kept"
    assert len(await sut.pulls()) == 1


def deployed(sut: World, commit: str) -> None:
    api = "kustomize.toolkit.fluxcd.io/v1"
    status = {"lastAppliedRevision": f"main@sha1:{commit}"}
    sut.put("Kustomization", api, "shop", {"sourceRef": {"kind": "GitRepository", "name": "shop"}}, status)


async def test_a_flag_is_archived_only_after_its_removal_is_deployed_everywhere(sut: World) -> None:
    """Merged is not deployed, and one cluster is not all."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    by = [{"kind": "Kustomization", "name": "shop"}, {"kind": "GitRepository", "name": "shop"}]
    sut.audit(archive=True, repositories=[{"sourceRef": {"name": "shop"}, "deployedBy": by}])
    await sut.run()
    before = repository.head()
    deployed(sut, before)
    spec = sut.cluster.now("GitRepository", "shop", TEAM)["spec"]
    merged = await sut.merge(repository)
    sut.put(
        "GitRepository", "source.toolkit.fluxcd.io/v1", "shop", spec, {"artifact": {"revision": f"main@sha1:{merged}"}}
    )
    state = await sut.run()
    assert sut.service.archived == []
    assert f"Kustomization team/shop is at {before[:12]}, without the removal" in state.message
    assert sut.status.removals[0].commit == merged
    deployed(sut, repository.write({"more.py": "x = 1\n"}))
    await sut.run()
    assert sut.service.archived == ["new-checkout"]
    assert (sut.status.removals, sut.status.archived) == ((), ("new-checkout",))
    assert any("archived new-checkout" in one.reason for one in sut.chat.said)


async def test_nothing_is_archived_that_is_brought_back_or_moved_or_shown_by_nothing(sut: World) -> None:
    """Each is a reason of its own."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit(archive=True)
    await sut.run()
    merged = await sut.merge(repository)
    assert "names nothing that runs its code" in (await sut.run()).message
    by = [{"kind": "Kustomization", "name": "shop"}]
    sut.audit(archive=True, repositories=[{"sourceRef": {"name": "shop"}, "deployedBy": by}])
    assert "Kustomization team/shop does not exist" in (await sut.run()).message
    deployed(sut, merged)
    sut.service.put("new-checkout", None)
    assert "it moved again" in (await sut.run()).message
    sut.service.put("new-checkout")
    deployed(sut, "c" * 40)
    assert "rewritten" in (await sut.run()).message
    deployed(sut, merged)
    repository.write({"shop.py": SHOP})
    await sut.run(open_pull_requests=False)
    assert sut.status.removals == ()
    assert sut.service.archived == []


@pytest.mark.parametrize(
    "wrong",
    [
        TransientError("the flag service does not answer"),
        ForbiddenError("the flag service refuses the token of Secret team/flags"),
        InvalidError("features.yml: line 3 is no flag"),
    ],
)
async def test_a_service_that_cannot_be_asked_changes_nothing(sut: World, wrong: SluiceError) -> None:
    """Neither in git nor at the forge nor in what is remembered; and it is said."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    before = (repository.head(BRANCH), sut.status.flags, sut.status.removals, await sut.asked())
    sut.service.wrong = wrong
    state = await sut.run()
    assert state.name == "Incomplete"
    assert str(wrong) in state.message
    assert (repository.head(BRANCH), sut.status.flags, sut.status.removals, await sut.asked()) == before
    assert sut.ready[0] == "False"
    assert str(wrong) in sut.chat.said[-1].reason


async def test_a_repository_that_cannot_be_read_keeps_no_other_from_being_audited(sut: World) -> None:
    """And no flag is called unused because of it, nor archived."""
    sut.repository()
    sut.repository("web")
    sut.service.put("new-checkout")
    sut.service.put("elsewhere")
    sut.audit("web", "shop", archive=True)
    gone = sut.cluster.objects.pop(("GitRepository", TEAM, "web"))
    state = await sut.run()
    assert state.name == "Incomplete"
    assert "team/web could not be looked through: GitRepository team/web does not exist" in state.message
    assert [one["state"] for one in await sut.pulls()] == ["open"]
    assert {one.key: one.finding for one in sut.status.flags} == {"new-checkout": "fully-on", "elsewhere": "fully-on"}
    sut.cluster.add(gone)
    await sut.run()
    assert {one.key: one.finding for one in sut.status.flags}["elsewhere"] == "unknown-in-code"


async def test_a_forge_that_refuses_is_said_and_the_next_audit_goes_on(sut: World) -> None:
    """The branch is pushed, its pull request comes later, and no second one."""
    sut.repository()
    sut.service.put("new-checkout")
    sut.audit(repositories=[{"sourceRef": {"name": "shop"}, "forgeSecretRef": {"name": "forge"}}])
    secret = {"token": "Z2hwX3dyb25n", "type": "Z2l0aHVi", "address": _b64(sut.github)}
    sut.cluster.add(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge", "namespace": TEAM}, "data": secret}
    )
    state = await sut.run()
    assert "the removal of new-checkout is not proposed: GitHub answered 401" in state.message
    assert "ghp_wrong" not in state.message + str(sut.status) + str(sut.chat.said)
    sut.audit()
    assert (await sut.run()).name == "Audited"
    assert len(await sut.pulls()) == 1


async def test_a_repository_whose_branch_was_rewritten_is_audited_as_it_is_now(sut: World) -> None:
    """What was proposed on the old one is brought up to date."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    await sut.run()
    git("update-ref", "-d", "refs/heads/main", folder=repository.folder)
    new = repository.write({"shop.py": SHOP.replace("cart[:1]", "[]"), "CODEOWNERS": "* @ann\n"})
    await sut.run()
    assert len(await sut.pulls()) == 1
    assert [one for one in sut.status.removals if one.state == "open"]
    assert new == repository.head()


async def test_only_so_many_are_open_at_once_and_the_oldest_come_first(sut: World) -> None:
    """Nobody reviews a hundred."""
    many = "\n".join(SHOP.replace("new-checkout", f"flag-{at}").replace("def ", f"def f{at}_") for at in range(3))
    sut.repository(files={"shop.py": many})
    from datetime import timedelta

    for at in range(3):
        sut.service.put(f"flag-{at}", since=LONG - timedelta(days=at))
    sut.audit(mostOpen=2)
    for _ in range(2):
        await sut.run()
    assert sorted(one["head"]["ref"] for one in await sut.pulls()) == [f"sluice/remove-flag/flag-{at}" for at in (1, 2)]


async def test_a_run_by_hand_has_parameters_of_its_own(sut: World, reported: list[Any]) -> None:
    """Other days, only some flags, and no pull requests: what is proposed already stays."""
    sut.repository()
    sut.service.put("new-checkout")
    sut.service.put("other")
    sut.audit()
    await sut.run()
    await sut.run(days=90, only=("other",), open_pull_requests=False)
    assert [row.flag for row in reported[-1].rows] == ["other"]
    assert [one["state"] for one in await sut.pulls()] == ["open"]


async def test_a_key_that_stands_in_other_files_or_other_letters_is_not_called_unused(sut: World) -> None:
    """A language that is not read, a setting, a name that a library of the web makes of the key; but no words about it."""
    files = {
        "shop.py": SHOP,
        "app.rb": "flipper.enabled?(:'ruby-flag')\n",
        "web/hooks.tsx": "const { reactFlag } = useFlags();\n",
        "README.md": "Turn on `written-only` to see more.\n",
        "features.yml": "flags:\n- key: written-only\n",
        "vendor/x.rb": "written-only\n",
    }
    sut.repository(files=files)
    for key in ("new-checkout", "ruby-flag", "react-flag", "written-only"):
        sut.service.put(key, None)
    sut.audit()
    await sut.run()
    assert {one.key: one.finding for one in sut.status.flags} == {
        "new-checkout": "live",
        "ruby-flag": "live",
        "react-flag": "live",
        "written-only": "unknown-in-code",
    }


async def test_code_that_asks_for_no_flag_at_all_is_said(sut: World) -> None:
    """That is no success with everything unused: the calls are not known."""
    sut.repository(files={"shop.py": "import ours\n\nif ours.toggled('new-checkout'):\n    pass\n"})
    sut.service.put("new-checkout")
    sut.audit()
    state = await sut.run()
    assert state.name == "Incomplete"
    assert "spec.calls" in state.message
    sut.audit(calls=[{"name": "ours.toggled"}])
    assert (await sut.run()).name == "Audited"
    assert (await sut.pulls())[0]["state"] == "open"


async def test_what_moved_only_is_read_again(sut: World, reported: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hashes that git has of the files; another call of the manifest reads all of it."""
    from tasks.flags.auditing.looking import gather

    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit(openPullRequests=False)
    read: list[int] = []
    real = gather.scan

    async def watched(*given: Any) -> Any:
        found = await real(*given)
        read.append(found.read)
        return found

    monkeypatch.setattr(gather, "scan", watched)
    await sut.run()
    await sut.run()
    repository.write({"README.md": "words\n"})
    await sut.run()
    repository.write({"shop.py": SHOP + "\n"})
    await sut.run()
    sut.audit(openPullRequests=False, calls=[{"name": "is_on"}])
    await sut.run()
    assert read == [1, 0, 0, 1, 1]


async def test_a_suspended_audit_rests_and_one_that_is_missing_is_named(sut: World) -> None:
    """Neither is a success with nothing found."""
    sut.repository()
    sut.audit(suspend=True)
    assert (await sut.run()).message == "audited: team/weekly is suspended"
    sut.cluster.objects.pop(("FlagAudit", TEAM, "weekly"))
    assert (await sut.run()).name == "Incomplete"


def _b64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def test_every_kind_of_deployed_by_shows_what_it_runs() -> None:
    """The manifest's kinds and the table's are the same ones."""
    assert set(RUNNING) == set(get_args(DeployedBy.model_fields["kind"].annotation))
