"""The cache: made once, whole or not at all, and anew when anything that goes into it changes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lab.programs import build, cache, gobuild, toolchain, versions
from lab.programs.toolchain import parse_go_version


def test_the_key_follows_versions_and_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed version or source is another build; the checkout's place is not."""
    source = tmp_path / "main.go"
    source.write_text("package main")
    key = cache.key_of(["1"], [source])
    assert cache.key_of(["2"], [source]) != key
    moved = tmp_path / "elsewhere" / "main.go"
    moved.parent.mkdir()
    moved.write_text("package main")
    assert cache.key_of(["1"], [moved]) == key
    moved.write_text("package other")
    assert cache.key_of(["1"], [moved]) != key
    before = build.key()
    monkeypatch.setattr(versions, "KUBERNETES", "1.34.5")
    assert build.key() != before


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    """What is there is whole, so a build that broke off is not there."""

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cache.made_once(tmp_path / "thing", fail)
    assert [each.name for each in tmp_path.iterdir()] == [".thing.lock"]


def test_two_builds_of_the_same_make_it_once(tmp_path: Path) -> None:
    """The second waits for the first, says so, and finds its result."""
    made: list[int] = []
    waited: list[int] = []

    def make(folder: Path) -> None:
        made.append(1)
        time.sleep(0.2)
        (folder / "result").write_text("done")

    def build_it() -> None:
        cache.made_once(tmp_path / "thing", make, lambda: waited.append(1))

    both = [threading.Thread(target=build_it) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert made == [1]
    assert waited == [1]
    assert (tmp_path / "thing" / "result").read_text() == "done"


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version devel go1.28-abc linux/amd64", (1, 28)), ("?", (0, 0))],
)
def test_go_versions_are_understood(said: str, version: tuple[int, int]) -> None:
    """The toolchain that is there is judged by what it says of itself."""
    assert parse_go_version(said) == version


def test_an_old_go_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go that is too old is passed over, not tried and failed with."""
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go version go1.20.1 linux/amd64\n")
    go.chmod(0o755)
    assert toolchain.version_of(go) == (1, 20)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = toolchain.own_go()
    assert found != go


def test_sources_have_a_fixed_order(tmp_path: Path) -> None:
    """The hash does not depend on the file system's mood, nor on files that Go does not read."""
    for name in ("b.go", "a.go", "go.mod", "notes.txt"):
        (tmp_path / name).touch()
    assert [each.name for each in gobuild.sources_of(tmp_path)] == ["a.go", "b.go", "go.mod"]
