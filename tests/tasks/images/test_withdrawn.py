"""A pull request that became obsolete is closed with the reason, and is never one of two; on the stand-in for GitHub."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges.asking import _resting
from blocks.forges.base import CommitStatus, Proposal, PullRequest
from blocks.forges.github import GitHub
from lab.standins import github
from sluice.errors import TransientError
from tasks.images.writing.forge import FORGE_SECRET
from tasks.images.writing.keep_out import keep_out
from tasks.images.writing.ways import PULL_REQUEST
from tasks.images.writing.withdraw import FINALIZER, PROPOSED
from tests.blocks.git.git_server import git
from tests.served import served
from tests.tasks.images.ground import TEAM, Ground, ground, line
from tests.tasks.images.test_proposed import UPDATES
from tests.tasks.images.test_rolled_back import BAD, PINNED_OLD, rolled_back

TOKEN = "ghp_of_the_lab"
REPOSITORY = "https://github.com/team/shop"


@dataclass
class Forge:
    """The stand-in, with the repository `team/shop` in the place of the git server's own."""

    http: httpx.AsyncClient
    address: str
    token: str = TOKEN
    away: bool = False
    logins: int = 0

    def _it(self) -> GitHub:
        if self.away:
            raise TransientError("the forge is away")
        return GitHub(self.http, SecretStr(self.token), self.address)

    def __call__(self, url: str) -> Forge:
        return self

    def with_login(self, url: str, login: dict[str, str], whence: str) -> Forge:
        self.logins += 1
        return Forge(self.http, self.address, login["token"])

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        raise AssertionError("nobody sets a status here")

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        return await self._it().propose(REPOSITORY, wish)

    async def withdraw(self, url: str, branch: str, into: str, why: str) -> Proposal | None:
        return await self._it().withdraw(REPOSITORY, branch, into, why)

    async def pulls(self) -> list[str]:
        """State and title of all, oldest first."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        found = (await self.http.get(f"{self.address}/repos/team/shop/pulls?state=all", headers=headers)).json()
        return [f"{one['state']}: {one['title']}" for one in reversed(found)]

    async def comments(self) -> list[str]:
        calls = (await self.http.get(f"{self.address}/-/calls")).json()
        return [call["body"]["body"] for call in calls if call["path"].endswith("/comments")]


@pytest.fixture
async def forge(tmp_path: Path) -> AsyncIterator[Forge]:
    _resting.clear()
    app = github.application(tmp_path / "forge", TOKEN, "s", "http://127.0.0.1:9/github", "http://127.0.0.1:9")
    async with served(app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield Forge(http, url)


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forge: Forge) -> AsyncIterator[Ground]:
    (tmp_path / "forge").mkdir(exist_ok=True)
    async with ground(tmp_path, monkeypatch, forge=forge) as made:
        made.repository.write({"apps/shop.yaml": line("1.0.0")})
        made.source()
        made.automation(UPDATES, annotations={PULL_REQUEST: "true"})
        yield made


def item(sut: Ground) -> dict[str, Any]:
    return dict(sut.cluster.now("ImageUpdateAutomation", "auto", TEAM))


def change(sut: Ground, **spec: Any) -> None:
    """As `kubectl edit`: what else is on the object stays."""
    meta = item(sut)["metadata"]
    kept = {name: meta[name] for name in ("annotations", "finalizers") if name in meta}
    sut.automation({**UPDATES, **spec}, **kept)


async def interval(sut: Ground) -> None:
    """The next look of `reconcile`, and what it starts."""
    sut.later()
    await sut.turn()


async def test_where_a_pull_request_is_open_is_written_on_its_automation(sut: Ground, forge: Forge) -> None:
    """Before it is opened, so that a worker that dies forgets none; with the finalizer that waits for its end."""
    await sut.deliver("1.1.0")
    meta = item(sut)["metadata"]
    assert json.loads(meta["annotations"][PROPOSED]) == [[sut.server.url + "/fleet.git", "updates", "main"]]
    assert meta["finalizers"] == [FINALIZER]
    assert await forge.pulls() == ["open: Deliver by team/auto"]


async def test_a_policy_that_moved_back_closes_what_it_proposed(sut: Ground, forge: Forge) -> None:
    """And forward once more is a new one: nobody has declined it."""
    await sut.deliver("1.1.0")
    sut.policy("1.0.0")
    await interval(sut)
    assert await forge.pulls() == ["closed: Deliver by team/auto"]
    assert await forge.comments() == [
        "Closed by sluice: ImageUpdateAutomation team/auto has nothing left to propose: what its policies want "
        "is in git already. When there is something to propose again, it is a new pull request."
    ]
    assert PROPOSED not in item(sut)["metadata"].get("annotations", {})
    assert item(sut)["metadata"]["finalizers"] == []
    await interval(sut)
    assert len(await forge.comments()) == 1
    await sut.deliver("1.1.0")
    assert await forge.pulls() == ["closed: Deliver by team/auto", "open: Deliver by team/auto"]


async def test_people_who_write_the_change_themselves_close_it(sut: Ground, forge: Forge) -> None:
    """Main has what the branch has."""
    await sut.deliver("1.1.0")
    sut.repository.write({"apps/shop.yaml": line("1.1.0")})
    await interval(sut)
    assert await forge.pulls() == ["closed: Deliver by team/auto"]


async def test_one_that_was_merged_gets_no_comment(sut: Ground, forge: Forge) -> None:
    """It is over, and forgotten."""
    await sut.deliver("1.1.0")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    await forge.http.put(f"{forge.address}/repos/team/shop/pulls/1/merge", headers=headers)
    git("update-ref", "refs/heads/main", sut.repository.head("updates"), folder=sut.repository.folder)
    await interval(sut)
    assert await forge.comments() == []
    assert item(sut)["metadata"]["finalizers"] == []


async def test_after_a_merge_whose_branch_stays_the_next_update_is_proposed(sut: Ground, forge: Forge) -> None:
    """fluxcd/image-automation-controller#164: there a branch that was merged and not deleted ended all updates."""
    await sut.deliver("1.1.0")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    await forge.http.put(f"{forge.address}/repos/team/shop/pulls/1/merge", headers=headers)
    git("update-ref", "refs/heads/main", sut.repository.head("updates"), folder=sut.repository.folder)
    await interval(sut)
    await sut.deliver("1.2.0")
    assert await forge.pulls() == ["closed: Deliver by team/auto", "open: Deliver by team/auto"]
    assert sut.repository.log("%P", branch="updates")[0] == sut.repository.head()


async def test_an_image_that_is_kept_out_leaves_its_pull_request(sut: Ground, forge: Forge) -> None:
    """It was proposed, ran elsewhere and was rolled back there: what is left to propose is the list of what stays out."""
    sut.repository.write({"apps/shop.yaml": line(PINNED_OLD)})
    await sut.deliver("1.2.0", BAD)
    assert await forge.pulls() == ["open: Deliver by team/auto"]
    rolled_back(sut)
    await keep_out.fn(TEAM, "shop")
    await interval(sut)
    assert await forge.pulls() == ["open: Versions that were rolled back: .sluice/quarantine"]
    assert BAD not in sut.repository.read("apps/shop.yaml", "updates")
    git("update-ref", "refs/heads/main", sut.repository.head("updates"), folder=sut.repository.folder)
    await interval(sut)
    assert await forge.pulls() == ["closed: Versions that were rolled back: .sluice/quarantine"]


@pytest.mark.parametrize("how", ["suspended", "deleted"])
async def test_an_automation_that_is_gone_stands_for_nothing(sut: Ground, forge: Forge, how: str) -> None:
    """A deleted one waits for its pull request to be closed, and then goes; a suspended one proposes it when it goes on."""
    await sut.deliver("1.1.0")
    if how == "suspended":
        change(sut, suspend=True)
    else:
        found = item(sut)
        found["metadata"] = found["metadata"] | {"deletionTimestamp": "2026-11-27T10:00:00Z"}
        sut.cluster.add(found)
    assert await sut.look() == []
    assert await forge.pulls() == ["closed: Deliver by team/auto"]
    ((said),) = await forge.comments()
    assert f"ImageUpdateAutomation team/auto {'is suspended' if how == 'suspended' else 'was deleted'}" in said
    assert item(sut)["metadata"]["finalizers"] == []
    if how == "suspended":
        change(sut)
        await interval(sut)
        assert await forge.pulls() == ["closed: Deliver by team/auto", "open: Deliver by team/auto"]


async def test_an_automation_that_proposes_no_more_closes_what_it_proposed(sut: Ground, forge: Forge) -> None:
    """From another branch, or by the annotation."""
    await sut.deliver("1.1.0")
    change(sut, git={"checkout": {"ref": {"branch": "main"}}, "push": {"branch": "other"}})
    await interval(sut)
    assert await forge.pulls() == ["closed: Deliver by team/auto", "open: Deliver by team/auto"]
    notes = item(sut)["metadata"]["annotations"]
    sut.automation(UPDATES, annotations=notes | {PULL_REQUEST: "false"}, finalizers=[FINALIZER])
    await interval(sut)
    assert [one.partition(":")[0] for one in await forge.pulls()] == ["closed", "closed"]


async def test_a_forge_that_is_away_is_asked_again(sut: Ground, forge: Forge) -> None:
    """A deleted automation stays until then."""
    await sut.deliver("1.1.0")
    found = item(sut)
    found["metadata"] = found["metadata"] | {"deletionTimestamp": "2026-11-27T10:00:00Z"}
    sut.cluster.add(found)
    forge.away = True
    await sut.look()
    assert item(sut)["metadata"]["finalizers"] == [FINALIZER]
    forge.away = False
    await sut.look()
    assert item(sut)["metadata"]["finalizers"] == []
    assert await forge.pulls() == ["closed: Deliver by team/auto"]


async def test_a_forge_that_refuses_keeps_no_deleted_automation(sut: Ground, forge: Forge) -> None:
    """Its token was taken away: nobody could ever close it."""
    await sut.deliver("1.1.0")
    found = item(sut)
    found["metadata"] = found["metadata"] | {"deletionTimestamp": "2026-11-27T10:00:00Z"}
    sut.cluster.add(found)
    forge.token = "ghp_wrong"
    await sut.look()
    assert item(sut)["metadata"]["finalizers"] == []


async def test_a_push_for_one_policy_closes_nothing_of_the_others(sut: Ground, forge: Forge) -> None:
    """What one push is about says nothing of what else is proposed."""
    sut.repository.write({"apps/next.yaml": line("1.0.0", "next")})
    await sut.deliver("1.1.0")
    await sut.deliver("1.0.0", policy="next")
    assert await forge.pulls() == ["open: Deliver by team/auto"]


async def test_a_team_s_own_token_is_used(sut: Ground, forge: Forge) -> None:
    """From the Secret that the annotation names; one that is missing is named, and the installation's is not used."""
    notes = {PULL_REQUEST: "true", FORGE_SECRET: "forge"}
    sut.automation(UPDATES, annotations=notes)
    (written,) = await sut.deliver("1.1.0")
    assert "forge" in written.fault
    assert await forge.pulls() == []
    sut.cluster.add({"kind": "Secret", "metadata": {"name": "forge", "namespace": TEAM}, "data": {"token": CODED}})
    await interval(sut)
    assert forge.logins >= 1
    assert await forge.pulls() == ["open: Deliver by team/auto"]


CODED = "Z2hwX29mX3RoZV9sYWI="
