"""What several floors' tests share: the running lab, a Prefect engine, and how much hypothesis tries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

CHECKOUT = Path(__file__).resolve().parents[1]
UP_TIMEOUT_S = 3600
KINDS_WITHIN_S = 30

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
settings.register_profile("fast", max_examples=40, deadline=None)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.register_profile("soak", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


@pytest.fixture(scope="session")
def lab_env() -> dict[str, Any]:
    """What .lab/env.json says; sluice's kinds are installed.

    A lab that does not run is started; one that cannot be is a failure, never a skip.
    """
    from lab.product.cluster import ProductCluster
    from sluice.manifests.crd import crds

    done = subprocess.run(
        [sys.executable, "-m", "lab", "up"],
        cwd=CHECKOUT,
        timeout=UP_TIMEOUT_S,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        pytest.fail(f"`python -m lab up` failed, and these tests need the lab:\n{done.stdout[-3000:]}", pytrace=False)
    env = dict(json.loads((CHECKOUT / ".lab" / "env.json").read_text()))
    cluster = ProductCluster(Path(env["kubeconfig"]), env["context"], "default")
    with ThreadPoolExecutor(1) as aside:  # it has a loop of its own, and who asks first may be in one
        aside.submit(cluster.apply_kinds, yaml.safe_dump_all(crds()), KINDS_WITHIN_S).result()
    return env


@pytest.fixture(scope="session")
def prefect_engine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[str]:
    """A Prefect server of the tests' own, started once; returns the address of its API."""
    from tests.prefect_server import flows_run_at, free_port, prefect_server

    home = tmp_path_factory.mktemp("prefect")
    with prefect_server(home, "127.0.0.1", free_port(), request.config) as api, flows_run_at(api):
        yield api
