"""What `pip install .` brings works, with the constraints file and without."""

from __future__ import annotations

import tomllib
from pathlib import Path

import prefect
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deployments.worker.engine import PREFECT_VERSION

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS]]
PINNED = {
    canonicalize_name(name): version
    for name, _, version in (line.partition("==") for line in (ROOT / "constraints.txt").read_text().split())
}


def test_the_prefect_that_is_asked_for_is_the_one_that_sluice_runs_on() -> None:
    """A newer one is refused at start: nobody should get it by installing sluice."""
    (asked,) = (one for one in WANTED if one.name == "prefect")
    assert str(asked.specifier) == f"=={PREFECT_VERSION}"
    assert PINNED["prefect"] == PREFECT_VERSION == prefect.__version__


@pytest.mark.parametrize("asked", WANTED, ids=lambda one: one.name)
def test_what_is_pinned_is_what_is_asked_for(asked: Requirement) -> None:
    """Each dependency has a version that was tried, within its bounds."""
    assert asked.specifier.contains(PINNED[canonicalize_name(asked.name)], prereleases=True)


def test_the_license_is_apache_s_and_comes_along() -> None:
    """The whole text, unchanged, and whose it is; both are in what is installed."""
    assert PROJECT["license"] == "Apache-2.0"
    assert PROJECT["license-files"] == ["LICENSE", "NOTICE"]
    text = (ROOT / "LICENSE").read_text()
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright" in (ROOT / "NOTICE").read_text()
