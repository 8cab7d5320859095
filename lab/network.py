"""The lab's own addresses, and its traces in the machine's network.

198.18.0.0/15 is the range set aside for benchmarks, so it never collides with a network the user has. Pods get no
default route: they reach each other, the Services and this machine, and nothing outside.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path

from lab import toolchain

BRIDGE = "lab0"
POD_RANGE = "198.18.0.0/16"
NODE_RANGE = "198.18.0.0/24"
NODE_ADDRESS = "198.18.0.1"
SERVICE_RANGE = "198.19.0.0/16"
APISERVER_SERVICE = "198.19.0.1"
TIMEOUT_S = 30

OURS = re.compile(r"^(KUBE|CNI)-")
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
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    # Without it a machine that has no default route could not even begin to send to a Service's address.
    run("ip", "route", "add", SERVICE_RANGE, "dev", BRIDGE)


def interfaces() -> list[str]:
    """The bridge and the host's ends of the pods' cables."""
    root = Path("/sys/class/net")
    found = [BRIDGE] if (root / BRIDGE).exists() else []
    return found + [link.parent.name for link in root.glob("*/master") if link.resolve().name == BRIDGE]


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


def chains() -> list[str]:
    """The chains of Kubernetes and its network plugins that exist now, as "iptables/nat/KUBE-SERVICES"."""
    found = []
    for tool in TABLES:
        table = ""
        for line in rules(tool).splitlines():
            if line.startswith("*"):
                table = line[1:]
            elif line.startswith(":") and OURS.match(line[1:]):
                found.append(f"{tool}/{table}/{line[1:].split()[0]}")
    return found


def without_ours(saved: str) -> str:
    """The iptables-restore input that removes our chains, and the jumps into them, from what was saved.

    Only deletions are written: rules of others are neither touched nor rewritten, whatever happens meanwhile.
    """
    output: list[str] = []
    ours: list[str] = []
    jumps: list[str] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            output.append(line)
            ours, jumps = [], []
        elif line.startswith(":") and OURS.match(line[1:]):
            ours.append(line[1:].split()[0])
        elif line.startswith("-A ") and not OURS.match(line[3:]) and re.search(r" -[jg] (KUBE|CNI)-", line):
            jumps.append("-D " + line[3:])
        elif line == "COMMIT":
            flushed = [f":{chain} - [0:0]" for chain in ours]
            removed = [f"-X {chain}" for chain in ours]
            output += [*flushed, *jumps, *removed, line]
    return "\n".join(output) + "\n"


def remove_rules() -> None:
    """Take the chains of kube-proxy and of the network plugins away, and nothing else."""
    for tool in TABLES:
        saved = rules(tool)
        if re.search(r"^:(KUBE|CNI)-", saved, re.MULTILINE):
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                run(f"{tool}-restore", "--noflush", stdin=without_ours(saved))
