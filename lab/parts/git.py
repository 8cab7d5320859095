"""Bare repositories for the lab's git server."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from lab import ports
from lab.paths import LabPaths

TIMEOUT_S = 30
GIT_URL = f"http://{ports.HOST}:{ports.GIT}"


def create_repository(places: LabPaths, name: str) -> str:
    """Make the bare repository `name` ("shop" or "acme/shop"), if it is not there; return the URL to clone it from.

    Every push is reported to the GitHub stand-in, which sends the webhook that GitHub would send.
    """
    folder = places.git / f"{name}.git"
    if not (folder / "HEAD").exists():
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(folder))
        _git("-C", str(folder), "config", "http.receivepack", "true")
        _write_hook(places, folder, name)
    return f"{GIT_URL}/{name}.git"


def _write_hook(places: LabPaths, folder: Path, name: str) -> None:
    address = f"http://{ports.HOST}:{ports.GITHUB}/-/pushed"
    command = shlex.join([str(places.bin / "gitserver"), "pushed", address, name])
    hook = folder / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{command}\nexit 0\n")
    hook.chmod(0o755)


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True, timeout=TIMEOUT_S)
