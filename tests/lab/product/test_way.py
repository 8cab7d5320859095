"""The way of a release is read from git and from what was applied; commits of two who push at once are both kept."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.errors import LabError
from lab.product.repository import change, cloned, git, replace_all
from lab.product.watch import AppliedPoint
from lab.product.way import DEPLOYMENT, arrival, head_image

OLD, NEW = "registry.test/shop:1.0.0@sha256:aa", "registry.test/shop:1.1.0@sha256:bb"
SLUICE = ("-c", "user.name=sluice", "-c", "user.email=sluice@example.com")


def deployment(image: str) -> str:
    spec: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "shop", "image": image}]}}}
    return yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec})


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """A repository as the demo publishes it."""
    place = tmp_path / "shop.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(place)], check=True, timeout=30)
    replace_all(str(place), lambda work: put(work, OLD), "Run the shop")
    return str(place)


def put(work: Path, image: str) -> None:
    (work / DEPLOYMENT).write_text(deployment(image))


def by_sluice(repository: str, image: str) -> str:
    """The commit of an image, as an automation makes it."""
    with cloned(repository) as work:
        put(work, image)
        git(work, *SLUICE, "commit", "--quiet", "--all", "--message", "Deliver")
        git(work, "push", "--quiet", "origin", "main")
        return git(work, "rev-parse", "HEAD").strip()


def test_an_image_came_by_the_first_commit_that_names_it_and_was_applied(repository: str) -> None:
    """What was applied before the push, or names another image, is not it."""
    with cloned(repository) as work:
        first = git(work, "rev-parse", "HEAD").strip()
    commit = by_sluice(repository, NEW)
    points = [AppliedPoint(5.0, f"main@sha1:{commit}"), AppliedPoint(11.0, f"main@sha1:{first}")]
    assert arrival(repository, NEW, points, 10.0) == {}
    points.append(AppliedPoint(12.5, f"main@sha1:{commit}"))
    assert arrival(repository, NEW, points, 10.0) == {"commit": commit, "author": "sluice", "push_to_applied_s": 2.5}


def test_a_revision_that_is_not_in_the_repository_is_no_way(repository: str) -> None:
    """It was applied before somebody pushed another history over it."""
    assert arrival(repository, OLD, [AppliedPoint(1.0, f"main@sha1:{'0' * 40}")], 0.0) == {}


def test_git_names_what_was_committed_last(repository: str) -> None:
    """Which is the old image, once a rollback is written back."""
    by_sluice(repository, NEW)
    assert head_image(repository) == NEW
    by_sluice(repository, OLD)
    assert head_image(repository) == OLD


def test_who_is_second_pushes_on_top_of_the_first(repository: str) -> None:
    """An automation commits while the team edits: neither commit is lost."""
    rivals = [NEW]

    def edit(work: Path) -> None:
        if rivals:
            by_sluice(repository, rivals.pop())
        (work / "notes").write_text("ours")

    pushed = change(repository, edit, "Add notes")
    with cloned(repository) as work:
        assert git(work, "rev-parse", "HEAD").strip() == pushed.commit
        assert (work / "notes").read_text() == "ours"
    assert head_image(repository) == NEW


def test_a_push_that_is_always_refused_is_an_error(repository: str) -> None:
    """With what git said, after a few tries."""
    hook = Path(repository) / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho closed for today >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(LabError, match=r"5 pushes .* were refused.*closed for today"):
        change(repository, lambda work: put(work, NEW), "Deliver")
