"""The chains of the lab's kube-proxy in the machine's network rules, and how they differ from those of another Kubernetes.

Every kube-proxy uses the same names. Three rules find ours: what was there before the lab came up is not ours;
a kube-proxy makes no chain of another name; and whatever names an address outside the lab's own ranges is another's.
The lab's network plugin makes no chain, so CNI-… is never ours.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lab.machine import network

ATTEMPTS = 3
KUBERNETES = re.compile(r"KUBE-")
OF_A_SERVICE = r"(SVC|SVL|EXT|FW|SEP)-[A-Z0-9]+"
SHARED = "SERVICES|EXTERNAL-SERVICES|NODEPORTS|POSTROUTING|MARK-MASQ|FORWARD|FIREWALL|PROXY-FIREWALL|PROXY-CANARY"
OF_KUBELET = "KUBE-FIREWALL"
"""A kube-proxy makes it too, empty; the rules in it are a kubelet's, and the lab's makes none."""
MADE_BY_PROXY = re.compile(rf"KUBE-({SHARED}|{OF_A_SERVICE})")
MADE_FOR_SERVICE = re.compile(rf"KUBE-{OF_A_SERVICE}")
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
ADDRESS = re.compile(r" (?:-s|-d|--to-destination) \[?([0-9a-f.:]+?)\]?(?:/\d+)?(?::\d+)?(?= |$)")
OURS = ipaddress.ip_network(network.WHOLE_RANGE)


@dataclass
class Table:
    """One table of one tool, as iptables-save writes it; `chains` are those that somebody added to the kernel's own."""

    tool: str
    name: str
    chains: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    def full(self, chain: str) -> str:
        """The chain's name on this machine: "iptables/nat/KUBE-SERVICES"."""
        return f"{self.tool}/{self.name}/{chain}"


def parse(tool: str, saved: str) -> list[Table]:
    """What iptables-save wrote."""
    found: list[Table] = []
    for line in saved.splitlines():
        if line.startswith("*"):
            found.append(Table(tool, line[1:]))
        elif found and line.startswith(":") and line.split()[1] == "-":
            found[-1].chains.append(line[1:].split()[0])
        elif found and line.startswith("-A "):
            found[-1].rules.append(line)
    return found


def now() -> list[Table]:
    """All tables as they are."""
    return [table for tool in network.TABLES for table in parse(tool, network.rules(tool))]


def every() -> list[str]:
    """The full name of every chain that somebody added to the kernel's own."""
    return [table.full(chain) for table in now() for chain in table.chains]


def kubernetes() -> list[str]:
    """The full names of the chains that some Kubernetes has here, ours or another."""
    return [name for name in every() if KUBERNETES.match(name.rpartition("/")[2])]


def ours(tables: list[Table], before: Collection[str]) -> list[str]:
    """The full names of the chains that our kube-proxy made and that nobody else uses."""
    shared = another_proxy(tables)
    return [table.full(chain) for table in tables for chain in _removable(table, before, shared)]


def another_proxy(tables: list[Table]) -> bool:
    """Whether another kube-proxy, or a kubelet, has its rules in the chains of ours."""
    return any(
        MADE_BY_PROXY.fullmatch(_chain(rule)) and _names_others(rule) for table in tables for rule in table.rules
    )


def _chain(rule: str) -> str:
    return rule.split()[1]


def _bare(rule: str) -> str:
    """A rule without its comments, in which anything may stand."""
    return QUOTED.sub('""', rule)


def _target(rule: str) -> str:
    found = re.search(r" -[jg] (\S+)", _bare(rule))
    return found[1] if found else ""


def _addresses(rule: str) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses that a rule names, but for those that every machine has."""
    for word in ADDRESS.findall(_bare(rule)):
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(word)
            if not (address.is_loopback or address.is_link_local or address.is_unspecified):
                yield address


def _names_others(rule: str) -> bool:
    # a kube-proxy in another mode keeps its addresses in sets
    return (
        _chain(rule) == OF_KUBELET
        or "--match-set" in _bare(rule)
        or any(address not in OURS for address in _addresses(rule))
    )


def _names_ours(rule: str) -> bool:
    return any(address in OURS for address in _addresses(rule))


def _removable(table: Table, before: Collection[str], shared: bool) -> list[str]:
    """The chains of one table that may go; where another kube-proxy works, only those of our own Services."""
    made = MADE_FOR_SERVICE if shared else MADE_BY_PROXY
    going = {chain for chain in table.chains if made.fullmatch(chain) and table.full(chain) not in before}
    if shared:
        others = {_chain(rule) for rule in table.rules if _names_others(rule)}
        going &= {_chain(rule) for rule in table.rules if _names_ours(rule)} - others
    while used := {_target(rule) for rule in table.rules if _keeps_target(table, rule, going)} & going:
        going -= used
    return [chain for chain in table.chains if chain in going]


def _keeps_target(table: Table, rule: str, going: set[str]) -> bool:
    """Whether a rule that stays leads into its target: one of another's chain, which is not about our addresses."""
    return _chain(rule) in table.chains and _chain(rule) not in going and not _names_ours(rule)


def deletions(tables: list[Table], removable: Collection[str]) -> str:
    """The iptables-restore input that removes these chains, the jumps into them and our rules in shared chains.

    Only deletions are written: rules of others are neither touched nor rewritten, whatever happens meanwhile.
    """
    output: list[str] = []
    for table in tables:
        going = [chain for chain in table.chains if table.full(chain) in removable]
        stale = [rule for rule in table.rules if _chain(rule) not in going and _goes(rule, going)]
        output += [f"*{table.name}", *(f":{chain} - [0:0]" for chain in going)]
        output += ["-D " + rule.removeprefix("-A ") for rule in stale]
        output += [*(f"-X {chain}" for chain in going), "COMMIT"]
    return "\n".join(output) + "\n"


def _goes(rule: str, going: Collection[str]) -> bool:
    in_shared = MADE_BY_PROXY.fullmatch(_chain(rule)) and _names_ours(rule) and not _names_others(rule)
    return _target(rule) in going or bool(in_shared)


def remove(before: Collection[str]) -> None:
    """Remove the chains of our kube-proxy, and nothing else."""
    for _ in range(ATTEMPTS):  # another kube-proxy may change a rule between the reading and the deleting
        tables = now()
        if not (going := ours(tables, before)):
            return
        for tool in network.TABLES:
            wanted = deletions([each for each in tables if each.tool == tool], going)
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                network.run(f"{tool}-restore", "--noflush", stdin=wanted)
