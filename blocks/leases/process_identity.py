"""Who a process is, so that others can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def process_identity(worker: str, life: str = "") -> str:
    """Host, process id, the kernel's start time of that process with which life it is, and the worker's name, divided by
    slashes.

    Args:
        worker: its name.
        life: random for each life. A pod that starts again has the same name, the same process id and, in a container, often
            the same start time to the hundredth of a second.
    """
    pid = os.getpid()
    return f"{_host()}/{pid}/{_started(pid)}{life and '.'}{life}/{worker}"


def dead_on_this_host(identity: str) -> bool:
    """Whether that was a process of this host that is gone, so that nobody has to wait for its lease to expire."""
    host, _, rest = identity.partition("/")
    pid, _, rest = rest.partition("/")
    started = rest.partition("/")[0].partition(".")[0]
    return host == _host() and pid.isdigit() and _started(int(pid)) != started


def _host() -> str:
    """The host's name with what tells this boot of it, and this space of process ids, from others of the same name."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}.{boot}.{space}"


def _started(pid: int) -> str:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "gone"
    # A zombie runs no more code.
    return "gone" if after_name[0] in {"Z", "X"} else after_name[19]
