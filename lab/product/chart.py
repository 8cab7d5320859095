"""The stock of the shop, a chart in the shop's repository: installed and upgraded by pushes, as users and helm see it.

Nothing is done here but to push commits. A Kustomization brings the HelmRelease, and sluice releases the chart by helm.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from lab.errors import LabError
from lab.load.summary import between, summarise
from lab.paths import SOURCES
from lab.product.application import NAMESPACE
from lab.product.deliveries import Measurements
from lab.product.repository import change

STOCK = SOURCES / "apps" / "stock"
NAME, HOST = "stock", "stock.test"
FIRST, SECOND = "1.0.0", "1.1.0"
WITHIN_S, READY_WITHIN_S = 90.0, 30.0
POLL_S = 0.1
HELM_S = 30


class Stock:
    """The chart in one run of the demo.

    Attributes:
        program: helm, as a person has it.
        env: of the lab, or of somebody's own cluster.
    """

    def __init__(self, measurements: Measurements, env: Mapping[str, Any], program: Path) -> None:
        self._measurements, self._env, self._program = measurements, env, program

    def install(self) -> dict[str, Any]:
        """Push the chart and its HelmRelease, and wait for its users."""
        return self._pushed(FIRST, "1", self._add, f"Have the {NAME} as a chart")

    def upgrade(self) -> dict[str, Any]:
        """Push another version of the chart, and wait for its users."""
        return self._pushed(SECOND, "2", _raise, f"Release {NAME} {SECOND}")

    def _listed(self, revision: str) -> dict[str, Any]:
        """What `helm list` shows of it, as soon as helm is done with a revision."""
        give_up = time.monotonic() + WITHIN_S
        while True:
            rows: list[dict[str, Any]] = self._helm("list", "--output", "json")
            found = next((row for row in rows if row["name"] == NAME), {})
            if (found.get("revision"), found.get("status")) == (revision, "deployed") or time.monotonic() > give_up:
                return {name: found.get(name, "") for name in ("name", "revision", "status", "chart")}
            time.sleep(POLL_S)

    def _ready(self) -> str:
        """What the HelmRelease says, as soon as it says that it is ready."""
        give_up = time.monotonic() + READY_WITHIN_S
        while not (said := self._measurements.cluster.ready("helmreleases", NAME)).startswith("True"):
            if time.monotonic() > give_up:
                break
            time.sleep(POLL_S)
        return said

    def _pushed(self, version: str, revision: str, edit: Callable[[Path], None], message: str) -> dict[str, Any]:
        pushed = change(self._measurements.repository, edit, message)
        first = self._first_answer(version)
        listed, ready = self._listed(revision), self._ready()
        users = summarise(between(self._measurements.users.read(), pushed.at, time.time()))
        return {
            "chart": f"{NAME}-{version}",
            "commit": pushed.commit,
            "push_to_users_s": None if first is None else round(first - pushed.at, 2),
            "helm_lists": listed,
            "ready": ready,
            "shop_requests": users.requests,
            "shop_failed_requests": users.failed,
        }

    def _add(self, work: Path) -> None:
        application = self._measurements.application
        shutil.copytree(STOCK / "chart", work / NAME)
        release = yaml.safe_load((STOCK / "release.yaml").read_text())
        image = application.pinned(application.version(0))
        release["spec"]["values"] |= {"image": image, "gateway": dict(self._env["gateway"])}
        (work / f"{NAME}.yaml").write_text(yaml.safe_dump(release, sort_keys=False))
        file = work / "kustomization.yaml"
        kustomization = yaml.safe_load(file.read_text())
        kustomization["resources"].append(f"{NAME}.yaml")
        file.write_text(yaml.safe_dump(kustomization, sort_keys=False))

    def _first_answer(self, version: str) -> float | None:
        """When a user had an answer of this version; nothing where none had in time."""
        give_up = time.monotonic() + WITHIN_S
        with httpx.Client(headers={"Host": HOST}, timeout=5, trust_env=False) as client:
            while time.monotonic() < give_up:
                self._measurements.check()
                try:
                    answer = client.get(self._measurements.application.gateway_url)
                except httpx.HTTPError:
                    answer = None
                if answer is not None and answer.headers.get("X-Version") == version:
                    return time.time()
                time.sleep(POLL_S)
        return None

    def _helm(self, *arguments: str) -> Any:
        where = {"KUBECONFIG": str(self._env["kubeconfig"])}
        context = ["--kube-context", self._env["context"]] if self._env.get("context") else []
        command = [str(self._program), *arguments, "--namespace", NAMESPACE, *context]
        done = subprocess.run(
            command, env={**os.environ, **where}, capture_output=True, text=True, timeout=HELM_S, check=False
        )
        if done.returncode != 0:
            raise LabError(f"helm {arguments[0]} failed: {done.stderr.strip()[-400:]}")
        return json.loads(done.stdout)


def _raise(work: Path) -> None:
    """Give the chart its second version."""
    file = work / NAME / "Chart.yaml"
    about = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**about, "version": SECOND}, sort_keys=False))
