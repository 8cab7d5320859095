"""The scale bench from end to end, small: what it starts works together, and all of it is gone afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.paths import CHECKOUT

pytestmark = pytest.mark.lab
WITHIN_S = 400


@pytest.fixture(scope="module")
def run(lab_env: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three Canaries, one of them with a bad release, steps of four seconds."""
    out = tmp_path_factory.mktemp("scale") / "out.json"
    command = [
        sys.executable,
        "-m",
        "bench.scale",
        "--n",
        "3",
        "--backend",
        "postgres",
        "--step",
        "4",
        "--stagger",
        "2",
    ]
    done = subprocess.run(
        [*command, "--bad", "0.4", "--seed", "1", "--routes", "accept", "--out", str(out)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return dict(json.loads(out.read_text())["runs"][0])


def test_good_releases_are_promoted_and_bad_ones_rolled_back(run: dict[str, Any]) -> None:
    assert sum(run["outcomes"].values()) == 3
    assert set(run["outcomes"]) == {"Succeeded", "Failed"}
    assert (run["wrong_outcomes"], run["never_begun"]) == (0, 0)


def test_cost_is_measured_from_outside(run: dict[str, Any]) -> None:
    assert run["lateness_s"]["n"] >= 5
    assert run["api_requests_per_release"] > 10
    assert run["api_requests_by_kind_per_release"]["httproutes write"] >= 1
    assert run["queries_per_release"] > 1
    assert run["queries_most"]["per_s"] > 0
    assert run["memory_peak_mib"]["workers"] > 50
    assert run["cpu_s"]["worker-0"] > 0


def test_nothing_is_left_in_the_cluster(run: dict[str, Any], lab_env: dict[str, Any]) -> None:
    kubectl = Path(lab_env["bin"]) / "kubectl"
    for kind in ("namespaces", "flowschemas", "clusterrolebindings", "gatewayclasses"):
        listing = subprocess.run(
            [kubectl, "get", kind, "-l", "app.kubernetes.io/managed-by=bench-scale", "-o", "name"],
            env={**os.environ, "KUBECONFIG": lab_env["kubeconfig"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert listing.stdout == ""
