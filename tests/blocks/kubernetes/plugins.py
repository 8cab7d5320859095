"""A credential plugin of a kubeconfig, as a program that tests can change."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import yaml

from blocks.kubernetes.cluster import Cluster
from tests.blocks.kubernetes.tls_server import TlsServer

V1 = "client.authentication.k8s.io/v1"


class Plugin:
    """A program that gives a new token each time it runs, and counts its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "plugin"
        self.gives("{'token': f't{count}'}")

    def gives(self, status: str, before: str = "", version: str = V1) -> None:
        """The status, as a Python expression of `count`, and what happens before."""
        lines = [
            f"#!{sys.executable}",
            "import json, os, pathlib, sys, time",
            f"path = pathlib.Path({str(self.folder / 'runs')!r})",
            "path.write_text((path.read_text() if path.exists() else '') + os.environ['KUBERNETES_EXEC_INFO'] + '\\n')",
            "count = len(path.read_text().splitlines())",
            before or "pass",
            f"print(json.dumps({{'apiVersion': {version!r}, 'kind': 'ExecCredential', 'status': {status}}}))",
        ]
        self.path.write_text("\n".join(lines))
        self.path.chmod(self.path.stat().st_mode | stat.S_IEXEC)

    @property
    def runs(self) -> list[dict[str, Any]]:
        file = self.folder / "runs"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def alive(pid: Path) -> bool:
    """Whether the process is there that wrote its number into a file."""
    number = pid.read_text() if pid.exists() else ""
    return bool(number) and Path(f"/proc/{number}").exists()


async def by_kubeconfig(server: TlsServer, user: dict[str, Any]) -> Cluster:
    path = server.folder / "config"
    path.write_text(yaml.safe_dump(server.kubeconfig(user)))
    return await Cluster.connect(str(path))


def executed(command: str = "./plugin", **more: Any) -> dict[str, Any]:
    return {"exec": {"command": command, "apiVersion": V1, **more}}
