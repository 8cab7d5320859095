"""The application's manifests fit the cluster that they are applied to: none of the lab's addresses is left in them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import ports
from lab.product.application import APPS, NAME
from lab.product.site import Site, replaced

OWN = Site(NAME, "registry.test:5000", "http://git.test/shop.git", {"name": "public", "namespace": "edge"})
LAB = Site(
    NAME,
    f"{ports.HOST}:{ports.REGISTRY}",
    f"http://{ports.HOST}:{ports.GIT}/shop.git",
    {"name": "lab", "namespace": "projectcontour"},
    f"http://{ports.HOST}:{ports.GATE}",
)


def fitted(site: Site, folder: Path) -> dict[str, dict[str, Any]]:
    shutil.copytree(APPS / "manifests", folder, dirs_exist_ok=True)
    site.fit(folder, {})
    return {file.name: yaml.safe_load(file.read_text()) for file in folder.glob("*.yaml")}


def test_in_a_cluster_of_one_s_own_nothing_of_the_lab_is_left(tmp_path: Path) -> None:
    """In what is pushed, and in what is applied; where no gate is named none is asked."""
    it = fitted(OWN, tmp_path)
    texts = [file.read_text() for file in tmp_path.glob("*.yaml")]
    texts += [replaced(file.read_text(), OWN.values()) for file in (APPS / "cluster").glob("*.yaml")]
    assert [text for text in texts if ports.HOST in text or "projectcontour" in text] == []
    assert it["canary.yaml"]["spec"]["service"]["gatewayRefs"] == [{"name": "public", "namespace": "edge"}]
    assert "webhooks" not in it["canary.yaml"]["spec"]["analysis"]


def test_in_the_lab_they_are_what_they_are(tmp_path: Path) -> None:
    """And the line that an image update looks for keeps its mark."""
    before = {file.name: yaml.safe_load(file.read_text()) for file in (APPS / "manifests").glob("*.yaml")}
    assert fitted(LAB, tmp_path) == before
    assert '# {"$imagepolicy": "test:shop"}' in (tmp_path / "deployment.yaml").read_text()


@pytest.mark.parametrize("gate", ["http://gate.test", "https://gate.test/way"])
def test_a_gate_that_is_named_is_asked(tmp_path: Path, gate: str) -> None:
    """By the path that the lab's has."""
    site = Site(NAME, OWN.registry, OWN.repository, OWN.gateway, gate)
    (webhook,) = fitted(site, tmp_path)["canary.yaml"]["spec"]["analysis"]["webhooks"]
    assert webhook["url"] == f"{gate}/e2e"
