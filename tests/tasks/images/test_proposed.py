"""Updates that people take over by a pull request, and rollbacks that go the way that the automation says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from blocks.forges.base import CommitStatus, Proposal, Proposed, PullRequest
from sluice.errors import TransientError
from sluice.images.quarantine import FILE, read
from tasks.images.writing.keep_out import keep_out
from tasks.images.writing.ways import PULL_REQUEST, ROLLBACK
from tests.blocks.git.git_server import git
from tests.tasks.images.ground import TEAM, Ground, digest, ground, line
from tests.tasks.images.test_rolled_back import BAD, PINNED_BAD, PINNED_OLD, rolled_back

UPDATES = {"git": {"checkout": {"ref": {"branch": "main"}}, "push": {"branch": "updates"}}}


@dataclass
class Memory:
    """A forge that keeps what is proposed; the real one is tried with its own contract."""

    proposed: list[PullRequest] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    away: bool = False
    state: Proposed = Proposed.OPEN

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        raise AssertionError("nobody sets a status here")

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        if self.away:
            raise TransientError("the forge is away")
        self.proposed.append(wish)
        return Proposal(number=7, address="https://forge.example/7", state=self.state)

    async def withdraw(self, url: str, branch: str, into: str, why: str) -> Proposal | None:
        self.withdrawn.append(branch)
        return None


@pytest.fixture(name="forge")
def forge_() -> Memory:
    return Memory()


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forge: Memory) -> AsyncIterator[Ground]:
    async with ground(tmp_path, monkeypatch, forge=lambda url: forge) as made:
        made.repository.write({"apps/shop.yaml": line("1.0.0")})
        made.source()
        made.automation(UPDATES, annotations={PULL_REQUEST: "true"})
        yield made


async def test_an_update_is_proposed(sut: Ground, forge: Memory) -> None:
    """From the push branch to the one that was checked out, with the commit's message and each change."""
    (written,) = await sut.deliver("1.1.0")
    (one,) = forge.proposed
    assert (one.branch, one.into, one.title) == ("updates", "main", "Deliver by team/auto")
    assert "`apps/shop.yaml`:1" in one.body
    assert written.proposal == "pull request 7 (https://forge.example/7)"
    assert sut.ready()[2].endswith("to branch 'updates'; pull request 7 (https://forge.example/7)")
    assert sut.repository.read("apps/shop.yaml") == line("1.0.0").strip()
    assert sut.status()["observedSourceRevision"] == f"main@sha1:{sut.repository.head()}"
    sut.later()
    assert await sut.look() == []


async def test_a_forge_that_was_away_is_asked_again(sut: Ground, forge: Memory) -> None:
    """It is pushed, and the condition says what is missing; the next interval makes it."""
    forge.away = True
    (written,) = await sut.deliver("1.1.0")
    assert "the forge is away" in written.fault
    assert sut.ready()[:2] == ("False", "PullRequestFailed")
    forge.away = False
    sut.later()
    assert await sut.turn()
    assert len(forge.proposed) == 1
    assert sut.ready()[0] == "True"
    sut.later()
    assert await sut.look() == []


async def test_main_that_moved_is_what_the_update_is_made_on(sut: Ground, forge: Memory) -> None:
    """S13, the whole way: a push branch is never behind."""
    await sut.deliver("1.1.0")
    moved = sut.repository.write({"apps/new.yaml": line("1.0.0")})
    await sut.deliver("1.2.0")
    assert sut.repository.log("%P", branch="updates")[0] == moved
    assert "1.2.0" in sut.repository.read("apps/new.yaml", "updates")


async def test_a_merged_update_leaves_nothing_to_do(sut: Ground, forge: Memory) -> None:
    """Nothing is proposed twice."""
    await sut.deliver("1.1.0")
    git("update-ref", "refs/heads/main", sut.repository.head("updates"), folder=sut.repository.folder)
    sut.later()
    assert await sut.look() == []
    assert len(forge.proposed) == 1


@pytest.mark.parametrize(
    ("note", "spec", "said"),
    [
        ({PULL_REQUEST: "yes please"}, UPDATES, PULL_REQUEST),
        ({PULL_REQUEST: "true"}, {"git": {"push": {"branch": None}}}, r"spec\.git\.push\.branch"),
        ({ROLLBACK: "maybe"}, UPDATES, "as-deliveries, pull-request, none"),
    ],
    ids=["no truth", "no branch", "no way"],
)
async def test_an_annotation_that_says_no_way_is_named(
    sut: Ground, note: dict[str, str], spec: dict[str, object], said: str
) -> None:
    """With the way out; nothing is written."""
    import re

    sut.automation(spec, annotations={PULL_REQUEST: "false"} | note)
    (written,) = await sut.deliver("1.1.0")
    assert re.search(said, written.fault)
    assert sut.ready()[:2] == ("False", "InvalidSourceConfiguration")


async def gone_bad(sut: Ground, way: str) -> None:
    """1.2.0 was delivered to main, and rolled back."""
    sut.repository.write({"apps/shop.yaml": line(PINNED_OLD)})
    sut.automation(
        {"git": {"checkout": None, "push": {"branch": None}}}, annotations={ROLLBACK: way, PULL_REQUEST: "false"}
    )
    await sut.deliver("1.2.0", BAD)
    rolled_back(sut)
    await keep_out.fn(TEAM, "shop")
    sut.later()
    await sut.turn()


async def test_a_rollback_may_be_a_pull_request_of_its_own(sut: Ground, forge: Memory) -> None:
    """Main names the version until people merge it; the list has it at once, and deliveries go on."""
    await gone_bad(sut, "pull-request")
    (one,) = forge.proposed
    assert (one.branch, one.into) == ("sluice/rollback-auto", "main")
    assert one.title == "Roll back shop:1.2.0 to 1.1.0"
    assert PINNED_BAD in sut.repository.read("apps/shop.yaml")
    assert sut.repository.read("apps/shop.yaml", "sluice/rollback-auto") == line(PINNED_OLD).strip()
    assert [each.image.tag for each in read(sut.repository.read(FILE))] == ["1.2.0"]
    sut.later()
    assert await sut.look() == []
    await sut.deliver("1.3.0", digest("9"))
    assert "1.3.0" in sut.repository.read("apps/shop.yaml")


async def test_a_rollback_may_be_left_to_people(sut: Ground, forge: Memory) -> None:
    """The version stays out; git goes on naming it."""
    await gone_bad(sut, "none")
    assert forge.proposed == []
    assert PINNED_BAD in sut.repository.read("apps/shop.yaml")
    assert [each.image.tag for each in read(sut.repository.read(FILE))] == ["1.2.0"]
    sut.later()
    assert await sut.look() == []
