"""`CONTEXT=name`: work with a cluster that exists instead of starting one.

Nothing is started here. What the lab would otherwise bring is named by environment variables, because only the
cluster's owner knows it; what is not named is left out of env.json, and what needs it says so.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lab import environment, ports
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.progress import say

VARIABLES = {
    "SLUICE_LAB_GATEWAY_URL": ("gateway_url", "where the cluster's Gateway answers"),
    "SLUICE_LAB_REGISTRY": ("registry", "host:port of a registry that nodes and this machine reach over http"),
    "SLUICE_LAB_REGISTRY_TOKEN": ("registry_token", "the bearer token in that registry's notifications"),
    "SLUICE_LAB_PROMETHEUS_URL": ("prometheus_url", "a Prometheus that scrapes the Gateway's data plane"),
    "SLUICE_LAB_GIT_URL": ("git_url", "a git server that takes pushes over http"),
    "SLUICE_LAB_SLACK_URL": ("slack_url", "Slack's Web API, or a stand-in"),
    "SLUICE_LAB_GITHUB_URL": ("github_url", "GitHub's API, or a stand-in"),
}
"""Environment variable → its name in env.json, and what it is."""


def kubeconfig_with(context: str, variables: Mapping[str, str]) -> Path:
    """The kubeconfig that has this context."""
    files = variables.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    for name in files.split(os.pathsep):
        file = Path(name).expanduser()
        try:
            document = yaml.safe_load(file.read_text()) or {}
        except (OSError, yaml.YAMLError):
            continue
        if any(each.get("name") == context for each in document.get("contexts", [])):
            return file
    raise LabError(f"there is no context {context} in {files}; `kubectl config get-contexts` lists those there are.")


def describe(context: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """What env.json says about this cluster."""
    document: dict[str, Any] = {"kubeconfig": str(kubeconfig_with(context, variables)), "context": context}
    document |= {name: variables[variable] for variable, (name, _) in VARIABLES.items() if variables.get(variable)}
    return document | {"receiver_port": ports.RECEIVER, "prefect_port": ports.PREFECT, "existing": True}


def up(places: LabPaths, context: str) -> int:
    """The command `up` with CONTEXT: write env.json and say what is not named."""
    if keeper.owned_by(places.checkout):
        raise LabError("this checkout's own lab is running; end it with `make lab-down` before using CONTEXT.")
    document = describe(context, os.environ)
    places.home.mkdir(exist_ok=True)
    environment.write(places, document)
    say(f"using the existing cluster of the context {context}; nothing was started.")
    for variable, (name, meaning) in VARIABLES.items():
        if name not in document:
            say(f"not named: {variable} ({meaning})")
    return 0


def down(places: LabPaths) -> int:
    """The command `down` with CONTEXT: nothing was started, so only env.json goes."""
    if environment.read(places).get("existing"):
        places.env_json.unlink(missing_ok=True)
    say("an existing cluster is in use; nothing of it was touched.")
    return 0
