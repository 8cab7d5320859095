"""Runs the embedded Prefect server by itself, so that it can be killed and started without the rest.

The one module here that knows sluice's own code: what it starts is part of what is tested.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deployments.server.embedded import environment

if __name__ == "__main__":
    home, host, port = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "deployments.server.process", "--host", host, "--port", port]
    os.execve(command[0], command, environment(home, host, int(port)))  # noqa: S606
