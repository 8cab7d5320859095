"""`.lab/env.json`: where everything of the lab is, for those who work with it."""

from __future__ import annotations

import json
from typing import Any

from lab import ports
from lab.parts import config, daemons
from lab.parts.certificates import CONTEXT
from lab.parts.git import GIT_URL
from lab.paths import LabPaths


def _local(port: int) -> str:
    return f"http://{ports.HOST}:{port}"


def of_lab(places: LabPaths, registry_token: str, webhook_secret: str) -> dict[str, Any]:
    """The addresses and secrets of a lab that this machine runs."""
    return {
        "kubeconfig": str(places.kubeconfig),
        "context": CONTEXT,
        "gateway_url": _local(ports.GATEWAY),
        "gateway": {"name": config.GATEWAY_NAME, "namespace": config.GATEWAY_NAMESPACE},
        "registry": f"{ports.HOST}:{ports.REGISTRY}",
        "registry_token": registry_token,
        "prometheus_url": _local(ports.PROMETHEUS),
        "git_url": GIT_URL,
        "git_root": str(places.git),
        "slack_url": _local(ports.SLACK),
        "slack_token": _secret(places, "slack.token"),
        "github_url": _local(ports.GITHUB),
        "github_token": _secret(places, "github.token"),
        "github_webhook_secret": webhook_secret,
        "gate_url": _local(ports.GATE),
        "receiver_port": ports.RECEIVER,
        "prefect_port": ports.PREFECT,
        "bin": str(places.bin),
        "logs": str(places.logs),
    }


def _secret(places: LabPaths, name: str) -> str:
    file = daemons.stand_in_state(places) / name
    return file.read_text().strip() if file.exists() else ""


def write(places: LabPaths, document: dict[str, Any]) -> None:
    """Write env.json, readable by its owner only."""
    places.env_json.touch(mode=0o600)
    places.env_json.write_text(json.dumps(document, indent=2) + "\n")


def read(places: LabPaths) -> dict[str, Any]:
    """What env.json says; empty when there is no lab."""
    try:
        return dict(json.loads(places.env_json.read_text()))
    except (OSError, ValueError):
        return {}
