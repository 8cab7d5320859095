"""Kills the process in a container as the kernel's out-of-memory killer does: SIGKILL, from outside the container.

What is missing of a real one is the word OOMKilled in the container's status: what the pod, its Service and its users go
through is the same, and it comes at the chosen moment instead of when memory happens to run out.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

PROC = Path("/proc")


def kill_containers(pod_uid: str, program: str) -> list[int]:
    """Kill the program's processes in a pod; returns their ids on this machine.

    Args:
        pod_uid: the pod's metadata.uid; its containers' cgroups carry it.
        program: the program's name, as the kernel has it: the sandbox's own process is left alone.
    """
    killed = []
    for folder in PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if (folder / "comm").read_text().strip() != program or pod_uid not in (folder / "cgroup").read_text():
                continue
            os.kill(int(folder.name), signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue
        killed.append(int(folder.name))
    return killed
