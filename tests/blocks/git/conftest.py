"""A git server with one repository, and the mirrors under test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.git.mirrors import Git, Remote
from tests.blocks.git.git_server import GitServer, Repository


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "served").mkdir()
    running = GitServer(tmp_path / "served")
    yield running
    running.close()


@pytest.fixture
def repository(server: GitServer) -> Repository:
    return Repository(server.root / "team.git")


@pytest.fixture
def remote(server: GitServer, repository: Repository) -> Remote:
    return Remote(url=f"{server.url}/team.git")


@pytest.fixture
def sut(tmp_path: Path) -> Git:
    return Git(tmp_path / "home")
