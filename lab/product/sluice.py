"""Starts what is measured: the lab, where it is not up yet, and ``sluice up`` next to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from lab import environment, existing, ports
from lab.errors import LabError
from lab.paths import CHECKOUT, LabPaths
from lab.processes import keeper
from lab.processes.child import Child
from lab.product.application import NAMESPACE
from lab.up import running

SLUICE = str(Path(sys.executable).parent / "sluice")
SLUICE_UP_WITHIN_S = 120
KINDS_WITHIN_S = 60
LAB_UP_WITHIN_S = 1800
LAB_DOWN_WITHIN_S = 120


def start_lab(places: LabPaths) -> bool:
    """Bring the lab up unless it is; say whether that was done here.

    Raises:
        LabError: it does not come up, or it is somebody's own cluster that lacks a part the demo needs.
    """
    was_running = running(places)
    if not was_running:
        _lab("up", LAB_UP_WITHIN_S)
    env = environment.read(places)
    refuse_incomplete(env)
    return not was_running


def refuse_incomplete(env: Mapping[str, Any]) -> None:
    """See that nothing is missing that the demo cannot do without.

    Raises:
        LabError: it is somebody's own cluster, and a part of it is not named.
    """
    if missing := existing.missing(env):
        raise LabError(
            f"the demo needs {', '.join(missing)}: name them in the environment, "
            "or run it without CONTEXT on the lab that `make lab` starts"
        )
    if not env.get("bin") and shutil.which("kustomize") is None:
        raise LabError("the demo needs the program kustomize: install it (https://kubectl.docs.kubernetes.io) on PATH")


def stop_lab() -> None:
    """Take the lab down again."""
    _lab("down", LAB_DOWN_WITHIN_S)


def kinds() -> str:
    """The custom resource definitions that sluice acts on."""
    done = subprocess.run([SLUICE, "crds"], capture_output=True, text=True, timeout=KINDS_WITHIN_S, check=False)
    if done.returncode != 0:
        raise LabError(f"`sluice crds` failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def start_sluice(env: Mapping[str, Any], places: LabPaths, programs: Sequence[Path] = ()) -> Child:
    """Start ``sluice up``, with nothing kept from an earlier demo, and wait until it takes events.

    It finds `programs` next to those of the lab.

    Raises:
        LabError: it did not come up.
    """
    home = places.home / "sluice"
    shutil.rmtree(home, ignore_errors=True)
    settings = sluice_environment(env, home, programs) | keeper.mark(places.checkout)
    sluice = Child.started("sluice up", [SLUICE, "up"], places.logs / "sluice.log", settings)
    prefect = f"http://{ports.HOST}:{env['prefect_port']}/api/health"
    receiver = f"http://{ports.HOST}:{env['receiver_port']}/"
    try:
        sluice.wait_until(lambda: _status(prefect) == 200 and _status(receiver) is not None, SLUICE_UP_WITHIN_S, "up")
    except BaseException:
        sluice.stop()
        raise
    return sluice


def sluice_environment(env: Mapping[str, Any], home: Path, programs: Sequence[Path] = ()) -> dict[str, str]:
    """The lab's addresses and secrets as sluice's settings name them."""
    settings = {
        "HOME": home,
        "NAMESPACES": NAMESPACE,
        "KUBECONFIG": env["kubeconfig"],
        "CONTEXT": env["context"],
        "PREFECT_PORT": env["prefect_port"],
        "RECEIVER_PORT": env["receiver_port"],
        "REGISTRY_TOKEN": env["registry_token"],
        "GITHUB_SECRET": env["github_webhook_secret"],
        "METRICS_URL": env["prometheus_url"],
    } | slack(env)
    # kustomize comes with the lab; on a cluster of somebody's own it is theirs.
    folders = [*([env["bin"]] if env.get("bin") else []), *(str(program.parent) for program in programs)]
    path = {"PATH": os.pathsep.join([*folders, os.environ.get("PATH", "")])} if folders else {}
    return {f"SLUICE_{name}": str(value) for name, value in settings.items()} | path


def slack(env: Mapping[str, Any]) -> dict[str, str]:
    """The settings of chat; none where nobody has named a token."""
    if not env.get("slack_token"):
        return {}
    return {"SLACK_TOKEN": env["slack_token"]} | (
        {"SLACK_URL": f"{env['slack_url']}/api/"} if env.get("slack_url") else {}
    )


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code
    except httpx.HTTPError:
        return None


def _lab(verb: str, within_s: float) -> None:
    done = subprocess.run([sys.executable, "-m", "lab", verb], cwd=CHECKOUT, timeout=within_s, check=False)
    if done.returncode != 0:
        raise LabError(f"`python -m lab {verb}` failed; what it said is above")
