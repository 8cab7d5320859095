"""Laws of writing to git: whatever is refused, lost, killed, edited or suspended, git comes to what the policies want."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.errors import SluiceError
from sluice.images.quarantine import ANNOTATION, FILE, read
from tasks.images.writing.keep_out import find_rolled_back
from tests.blocks.git.git_server import git
from tests.tasks.images.ground import IMAGE, TEAM, Ground, digest, ground, line
from tests.tasks.images.test_rolled_back import rolled_back

FIRST = f"1.0.0@{digest('0')}"


class KilledError(Exception):
    """The worker died here."""


class Life:
    """A team's repository over some days, as a seed has it."""

    def __init__(self, sut: Ground, seed: int) -> None:
        self.sut, self.random = sut, random.Random(seed)
        self.minor, self.theirs = 0, 0
        self.runs, self.deaths = FIRST, 0
        sut.cluster.hooks.append(self._dies)

    def _dies(self, when: str, verb: str, item: dict[str, Any]) -> None:
        if self.deaths and item["kind"].startswith("Image") and self.random.random() < 0.5:
            self.deaths -= 1
            raise KilledError(f"{when} {verb} {item['kind']}")

    @property
    def image(self) -> tuple[str, str]:
        latest = self.sut.cluster.now("ImagePolicy", "shop", TEAM)["status"]["latestRef"]
        return latest["tag"], latest.get("digest", "")

    async def push(self) -> None:
        """A newer version, whose delivery may be lost."""
        self.minor += 1
        tag, by = f"1.{self.minor}.0", digest(f"{self.minor % 10}")
        if self.random.random() < 0.5:
            self.sut.policy(tag, by=by)
        else:
            await self.sut.deliver(tag, by)

    async def edit(self) -> None:
        """A person writes what the policy does not want, or marks another line."""
        self.theirs += 1
        path = self.random.choice(["apps/shop.yaml", f"apps/{self.theirs}.yaml"])
        self.sut.repository.write({path: line(f"0.{self.theirs}.0"), f"their/{self.theirs}": "theirs"})

    async def trouble(self) -> None:
        """The server is away, or the branch is protected, until something else happens to it."""
        self.sut.server.status = self.random.choice([0, 403, 503])

    async def suspend(self) -> None:
        self.sut.automation({"suspend": self.random.random() < 0.5})

    async def kill(self) -> None:
        self.deaths += 1

    async def work(self) -> None:
        self.sut.later(self.random.choice([10, 60]))
        await self.sut.turn()

    async def roll_back(self) -> None:
        """What the policy wants was released and rolled back; the worker that carried it may be gone."""
        tag, by = self.image
        if f"{tag}@{by}" != self.runs:
            rolled_back(self.sut, target=f"{tag}@{by}", primary=self.runs, begunWith={"version": tag})
            await find_rolled_back.fn()

    async def promote(self) -> None:
        tag, by = self.image
        self.runs = f"{tag}@{by}"
        self.sut.cluster.objects.pop(("Canary", TEAM, "shop"), None)

    async def live(self, moments: int) -> None:
        acts: list[Callable[[], Awaitable[None]]] = [self.push, self.edit, self.trouble, self.suspend, self.kill]
        acts += [self.work, self.work, self.roll_back, self.promote]
        for _ in range(moments):
            with contextlib.suppress(KilledError, SluiceError):
                await self.random.choice(acts)()

    async def end(self) -> None:
        """Everybody answers again, and time goes on."""
        self.deaths, self.sut.server.status = 0, 0
        self.sut.automation({"suspend": False})
        await find_rolled_back.fn()
        for _ in range(3):
            self.sut.later()
            await self.sut.turn()


@pytest.mark.parametrize("seed", range(8))
async def test_in_the_end_git_holds_what_the_policies_want(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And names nothing that was rolled back, has each person's commit, and nothing is left to do."""
    async with ground(tmp_path, monkeypatch) as sut:
        sut.repository.write({"apps/shop.yaml": line(FIRST)})
        sut.source()
        sut.automation()
        sut.policy("1.0.0", by=digest("0"))
        life = Life(sut, seed)
        await life.live(14)
        await life.end()
        assert await sut.look() == []
        assert sut.ready()[:2] == ("True", "Succeeded")
        out = read(sut.notes().get(ANNOTATION, ""))
        tag, by = life.image
        marked = ["apps/shop.yaml", *(f"apps/{n}.yaml" for n in range(1, life.theirs + 1))]
        held = any(one.back_to and one.back_to.tag == tag for one in out)
        there = set(git("ls-tree", "-r", "--name-only", "main", folder=sut.repository.folder).splitlines())
        for path in sorted(there & set(marked)):
            text = sut.repository.read(path)
            assert not any(f"{one.image.tag}@" in text for one in out), f"{path} names what was rolled back"
            assert held or text == line(f"{tag}@{by}").strip(), path
        if out:
            assert {str(one.image) for one in read(sut.repository.read(FILE))} >= {str(one.image) for one in out}
        for number in range(1, life.theirs + 1):
            assert sut.repository.read(f"their/{number}") == "theirs"
        assert IMAGE in sut.repository.read("apps/shop.yaml")
