"""The lab's own addresses, and its traces in the machine's network.

198.18.0.0/15 is the range set aside for benchmarks, so it never collides with a network the user has. Pods get no
default route: they reach each other, the Services and this machine, and nothing outside.
"""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from lab.programs import toolchain

BRIDGE = "lab0"
BRIDGE_ADDRESS = "02:73:6c:75:69:63"
"""The bridge's hardware address, given as it is made: a bridge of that name with another one is not the lab's."""
WHOLE_RANGE = "198.18.0.0/15"
POD_RANGE = "198.18.0.0/16"
NODE_RANGE = "198.18.0.0/24"
NODE_ADDRESS = "198.18.0.1"
SERVICE_RANGE = "198.19.0.0/16"
APISERVER_SERVICE = "198.19.0.1"
TIMEOUT_S = 30

TABLES = ("iptables", "ip6tables")


def run(*command: str, stdin: str | None = None) -> str:
    """Run a network tool and return what it said; raises OSError or subprocess.SubprocessError."""
    found = toolchain.program(command[0]) or command[0]
    done = subprocess.run(
        [found, *command[1:]], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=True
    )
    return done.stdout


def make_bridge() -> None:
    """The bridge that the pods hang on. It exists before the kubelet does, because its address is the node's."""
    run("ip", "link", "add", BRIDGE, "address", BRIDGE_ADDRESS, "type", "bridge")
    run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    # Without it a machine that has no default route could not even begin to send to a Service's address.
    run("ip", "route", "add", SERVICE_RANGE, "dev", BRIDGE)


def bridge_address() -> str:
    """The hardware address of what has the bridge's name; empty where nothing has."""
    try:
        return (Path("/sys/class/net") / BRIDGE / "address").read_text().strip()
    except OSError:
        return ""


def interfaces() -> list[str]:
    """The lab's bridge and the host's ends of the pods' cables."""
    root = Path("/sys/class/net")
    if bridge_address() != BRIDGE_ADDRESS:
        return []
    return [BRIDGE, *(link.parent.name for link in root.glob("*/master") if link.resolve().name == BRIDGE)]


def remove_interfaces() -> None:
    """Take the bridge away and every cable on it."""
    for name in reversed(interfaces()):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            run("ip", "link", "delete", name)


def rules(tool: str) -> str:
    """All rules, in the form iptables-save writes; empty where the tool or the kernel's part is missing."""
    try:
        return run(f"{tool}-save")
    except (OSError, subprocess.SubprocessError):
        return ""
