"""Rows of installed packages: found, checked, and named when something is wrong with them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.doors.senders import GROUP, all_senders
from deployments.extensions import load
from sluice.errors import TerminalError
from sluice.events.senders.table import SENDERS

MODULE = """
from dataclasses import replace
from sluice.events.senders.forges.github import GitHub

SENDER = GitHub(name="acme", path="/acme", secret="acme_secret")
NUMBER = 7
"""


class Site:
    """A folder of installed packages, as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, package: str, points: str, module: str = MODULE, group: str = GROUP) -> None:
        name = package.replace("-", "_")
        info = self.folder / f"{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{points}\n")
        (self.folder / f"{name}.py").write_text(module)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name in ("acme_sluice", "other_sluice"):
        sys.modules.pop(name, None)


def test_without_packages_the_table_is_sluice_s_own() -> None:
    """And a copy: nobody changes the table by accident."""
    rows = load("sluice.none", SENDERS)
    assert rows == SENDERS
    assert rows is not SENDERS


def test_an_installed_sender_is_a_row_like_the_others(site: Site) -> None:
    """By the name of its entry point; sluice's own stay."""
    site.install("acme-sluice", "acme = acme_sluice:SENDER")
    found = all_senders()
    assert [*found] == [*SENDERS, "acme"]
    assert found["acme"].path == "/acme"


def test_nobody_replaces_a_row_of_sluice_s(site: Site) -> None:
    """A package that takes the name of one is named, and so is the way out."""
    site.install("acme-sluice", "github = acme_sluice:SENDER")
    with pytest.raises(TerminalError, match=r"'github' of package acme-sluice 1\.2 .*sluice itself.*another name"):
        all_senders()


def test_two_packages_with_one_name_are_both_named(site: Site) -> None:
    """Which of them would win would be a matter of chance."""
    site.install("acme-sluice", "acme = acme_sluice:SENDER")
    site.install("other-sluice", "acme = other_sluice:SENDER")
    with pytest.raises(TerminalError) as refused:
        all_senders()
    assert "acme-sluice" in str(refused.value)
    assert "other-sluice" in str(refused.value)


@pytest.mark.parametrize(
    ("points", "module"),
    [
        ("acme = acme_sluice:SENDER", "import no_such_module\n"),
        ("acme = acme_sluice:SENDER", "1 / 0\n"),
        ("acme = acme_sluice:MISSING", MODULE),
        ("acme = no_such_module:SENDER", MODULE),
    ],
    ids=["import", "crash", "attribute", "module"],
)
def test_a_package_that_cannot_be_imported_is_named(site: Site, points: str, module: str) -> None:
    """With the reason and the way out: a start that fails says whom to ask."""
    site.install("acme-sluice", points, module)
    with pytest.raises(TerminalError, match=r"'acme' of package acme-sluice 1\.2 cannot be imported.*uninstall it"):
        all_senders()


@pytest.mark.parametrize("points", ["acme = acme_sluice:NUMBER", "other = acme_sluice:SENDER"], ids=["form", "name"])
def test_what_is_no_such_row_is_refused(site: Site, points: str) -> None:
    """Before the first delivery finds out."""
    site.install("acme-sluice", points)
    with pytest.raises(TerminalError, match=r"acme-sluice 1\.2.*docs/extend"):
        all_senders()
