"""Flags that the commits of an image name: a real git server and a registry over HTTP, and what is absent of either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.git.mirrors import Git
from blocks.registries.pulls import Puller
from sluice.marks.where import REVISION
from tasks.rollout.scale_up import scale_up
from tests.blocks.git.git_server import GitServer, Repository
from tests.blocks.sources.oci_server import MANIFEST, OciServer, digest_of
from tests.peopled_flags import SERVICE
from tests.samples import NAMESPACE
from tests.tasks import conftest
from tests.tasks.conftest import Stage, staged


@dataclass
class Built:
    """A repository of code, and what was built of it."""

    git: GitServer
    code: Repository
    registry: OciServer

    def commit(self, message: str) -> str:
        return self.code.write({"a": message}, message=message)

    def push(self, tag: str, labels: dict[str, str]) -> str:
        """An image with these labels; its name."""
        raw = json.dumps({"config": {"Labels": labels}}).encode()
        self.registry.blobs[digest_of(raw)] = raw
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(raw), "size": len(raw)}
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
        self.registry.put("shop", tag, body)
        return f"{self.registry.host}/shop:{tag}"


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    (tmp_path / "served").mkdir()
    git, registry = GitServer(tmp_path / "served"), OciServer()
    yield Built(git, Repository(git.root / "shop.git"), registry)
    git.close()
    registry.close()


@pytest.fixture
def play_with(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Scales up a release from one image to another, by `play_often`, with git and the registry."""
    usual = conftest.parts

    def run(play_often: Any, old: str, new: str, **source: Any) -> dict[str, Any]:
        monkeypatch.setattr(conftest, "OLD_IMAGE", old)
        monkeypatch.setattr(conftest, "NEW_IMAGE", new)
        switch = {"service": SERVICE, "trailers": {"sourceRef": {"name": "code"}}}
        stage = staged({"analysis": {"killSwitch": switch}})
        spec = {"url": f"{built.git.url}/shop.git", "interval": "1m", **source}
        stage.cluster.add(
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": "code", "namespace": NAMESPACE},
                "spec": spec,
            }
        )

        async def story(act: Any) -> None:
            await act(scale_up, step=1)

        def parts(of: Stage) -> dict[str, Any]:
            return {**usual(of), "git": Git(tmp_path / "home"), "artifacts": Puller()}

        monkeypatch.setattr(conftest, "parts", parts)
        play_often(stage, story)
        return dict(stage.status["flags"])

    return run


def test_the_trailers_of_what_is_new_in_the_image(built: Built, play_often: Any, play_with: Any) -> None:
    """Two commits lie between the images; the older image had the flag of the first one already."""
    first = built.commit("Begin\n\nFlag: old")
    second, third = built.commit("Add checkout\n\nFlag: checkout"), built.commit("Add search\n\nFlag: search, suggest")
    old, new = built.push("1.0.0", {REVISION: first}), built.push("1.1.0", {REVISION: third})
    journal = play_with(play_often, old, new)
    assert [(one["key"], one["by"]) for one in journal["named"]] == [
        ("search", f"commit {third[:12]}"),
        ("suggest", f"commit {third[:12]}"),
        ("checkout", f"commit {second[:12]}"),
    ]
    assert not journal.get("silent")


def test_an_image_without_the_label_names_no_flag_and_that_is_said(
    built: Built, play_often: Any, play_with: Any
) -> None:
    """In the journal, with the way out; the release goes on."""
    commit = built.commit("Begin\n\nFlag: old")
    old, new = built.push("1.0.0", {REVISION: commit}), built.push("1.1.0", {})
    journal = play_with(play_often, old, new)
    assert not journal.get("named")
    assert "shop:1.1.0 has no label org.opencontainers.image.revision: have your build set it" in journal["silent"]


def test_a_repository_that_refuses_names_no_flag_and_that_is_said(
    built: Built, play_often: Any, play_with: Any
) -> None:
    """Or one that is not there."""
    commits = [built.commit(f"Change {n}\n\nFlag: f{n}") for n in range(2)]
    old, new = built.push("1.0.0", {REVISION: commits[0]}), built.push("1.1.0", {REVISION: commits[1]})
    journal = play_with(play_often, old, new, url=f"{built.git.url}/other.git")
    assert not journal.get("named")
    assert "other.git" in journal["silent"]
