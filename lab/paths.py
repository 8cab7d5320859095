"""Where the lab keeps its things.

Three places, each with a reason: what takes long to make is cached outside the checkout and shared by all checkouts;
what one lab writes lives in its checkout; sockets and container state live under /run, because a socket's path may
not exceed about a hundred characters, however deep the checkout is.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = Path(__file__).resolve().parent
RUN_ROOT = Path("/run/sluice-lab")


def cache_root() -> Path:
    """The folder that all builds of all checkouts share."""
    chosen = os.environ.get("SLUICE_LAB_CACHE", "")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "sluice-lab"


class LabPaths:
    """The places of one checkout's lab."""

    def __init__(self, checkout: Path = CHECKOUT) -> None:
        self.checkout = checkout
        self.home = checkout / ".lab"
        self.logs = self.home / "logs"
        self.pids = self.home / "run"
        self.bin = self.home / "bin"
        self.git = self.home / "git"
        self.data = self.home / "data"
        self.pki = self.home / "pki"
        self.config = self.home / "config"
        self.kubeconfig = self.home / "kubeconfig"
        self.env_json = self.home / "env.json"
        name = hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
        self.run = RUN_ROOT / name
        self.cgroup = f"{RUN_ROOT.name}-{name}"
        self.containerd_socket = self.run / "containerd.sock"
        self.containerd_state = self.run / "containerd"

    def of_one_lab(self) -> list[Path]:
        """What `down` deletes; the logs stay, to see what happened."""
        return [self.pids, self.bin, self.git, self.data, self.pki, self.config, self.kubeconfig, self.env_json]

    def make(self) -> None:
        """Create the folders, readable by the owner only: keys and tokens lie in them."""
        for folder in (self.home, self.logs, self.pids, self.bin, self.git, self.data, self.pki, self.config, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o755)
        self.pki.chmod(0o700)
