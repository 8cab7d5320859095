"""With CONTEXT nothing is started, and env.json says only what is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import existing
from lab.errors import LabError

KUBECONFIG = "apiVersion: v1\nkind: Config\ncontexts: [{name: mine, context: {cluster: c, user: u}}]\n"


def test_the_named_context_is_used(tmp_path: Path) -> None:
    """Of several kubeconfig files, the one that has the context."""
    (tmp_path / "empty").write_text("")
    (tmp_path / "config").write_text(KUBECONFIG)
    files = f"{tmp_path}/absent:{tmp_path}/empty:{tmp_path}/config"
    said = existing.describe("mine", {"KUBECONFIG": files, "SLUICE_LAB_REGISTRY": "registry.test:5000"})
    assert said["kubeconfig"] == f"{tmp_path}/config"
    assert said["registry"] == "registry.test:5000"
    assert "gateway_url" not in said


def test_an_unknown_context_is_an_error_that_names_it(tmp_path: Path) -> None:
    """A misspelt name must not fall back to some other cluster."""
    (tmp_path / "config").write_text(KUBECONFIG)
    with pytest.raises(LabError, match="no context yours"):
        existing.describe("yours", {"KUBECONFIG": f"{tmp_path}/config"})
