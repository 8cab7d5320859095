"""`CONTEXT=name`: work with a cluster that exists instead of starting one.

Nothing is started here. What the lab would otherwise bring is named by environment variables, because only the
cluster's owner knows it; what is not named is left out of env.json, and what needs it says so.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import environment, ports
from lab.errors import LabError
from lab.paths import LabPaths
from lab.processes import keeper
from lab.progress import say


def _address(text: str) -> str:
    return text.rstrip("/")


def _gateway(text: str) -> dict[str, str]:
    namespace, _, name = text.partition("/")
    if not (namespace and name) or "/" in name:
        raise LabError(f"SLUICE_LAB_GATEWAY is {text}, and should be namespace/name of a Gateway.")
    return {"name": name, "namespace": namespace}


@dataclass(frozen=True)
class Variable:
    """One thing that only the cluster's owner knows.

    Attributes:
        name: of it in env.json.
        meaning: what it is, for the person who names it.
        needed: whether the demo cannot do without.
        read: its value, from the text of the variable.
    """

    name: str
    meaning: str
    needed: bool = False
    read: Callable[[str], Any] = str


VARIABLES = {
    "SLUICE_LAB_GATEWAY_URL": Variable("gateway_url", "where the cluster's Gateway answers", True, _address),
    "SLUICE_LAB_GATEWAY": Variable("gateway", "namespace/name of that Gateway", True, _gateway),
    "SLUICE_LAB_REGISTRY": Variable(
        "registry", "host:port of a registry that nodes and this machine reach over http", True
    ),
    "SLUICE_LAB_PROMETHEUS_URL": Variable(
        "prometheus_url", "a Prometheus that scrapes the Gateway's data plane", True, _address
    ),
    "SLUICE_LAB_GIT_URL": Variable(
        "git_url", "a git server that takes pushes over http to shop.git below this address", True, _address
    ),
    "SLUICE_LAB_REGISTRY_TOKEN": Variable("registry_token", "the bearer token in that registry's notifications"),
    "SLUICE_LAB_GITHUB_SECRET": Variable("github_webhook_secret", "the secret of that git server's webhook"),
    "SLUICE_LAB_SLACK_URL": Variable("slack_url", "Slack's Web API, or a stand-in", read=_address),
    "SLUICE_LAB_SLACK_TOKEN": Variable("slack_token", "the bot token for it"),
    "SLUICE_LAB_GITHUB_URL": Variable("github_url", "GitHub's API, or a stand-in", read=_address),
    "SLUICE_LAB_GATE_URL": Variable(
        "gate_url", "a service whose path /e2e says that a release may begin", read=_address
    ),
}
"""Environment variable → what it names."""
MADE_HERE = ("registry_token", "github_webhook_secret")
"""What is made where it is not named: nobody knows it then, and what no webhook comes for is found within a minute."""


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
    document |= {name: secrets.token_hex(16) for name in MADE_HERE}
    document |= {
        one.name: one.read(variables[variable]) for variable, one in VARIABLES.items() if variables.get(variable)
    }
    return document | {"receiver_port": ports.RECEIVER, "prefect_port": ports.PREFECT, "existing": True}


def missing(document: Mapping[str, Any]) -> list[str]:
    """What the demo needs and env.json does not say: each variable, with what it names."""
    return [
        f"{variable} ({one.meaning})"
        for variable, one in VARIABLES.items()
        if one.needed and not document.get(one.name)
    ]


def up(places: LabPaths, context: str) -> int:
    """The command `up` with CONTEXT: write env.json and say what is not named."""
    if keeper.owned_by(places.checkout):
        raise LabError("this checkout's own lab is running; end it with `make lab-down` before using CONTEXT.")
    document = describe(context, os.environ)
    places.logs.mkdir(parents=True, exist_ok=True)
    environment.write(places, document)
    say(f"using the existing cluster of the context {context}; nothing was started.")
    for variable, one in VARIABLES.items():
        if not os.environ.get(variable):
            say(f"not named: {variable} ({one.meaning})")
    return 0


def down(places: LabPaths) -> int:
    """The command `down` with CONTEXT: nothing was started, so only env.json goes."""
    if environment.read(places).get("existing"):
        places.env_json.unlink(missing_ok=True)
    say("an existing cluster is in use; nothing of it was touched.")
    return 0
