"""`down` removes the lab's network rules and nobody else's."""

from __future__ import annotations

import pytest

from lab.machine import chains

SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ABC - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -j DOCKER
-A OUTPUT -d 203.0.113.1/32 -m comment --comment "not KUBE-SERVICES" -j ACCEPT
-A KUBE-SERVICES -d 198.19.0.9/32 -j KUBE-SVC-ABC
COMMIT
*filter
:INPUT ACCEPT [0:0]
COMMIT
"""


def test_only_our_chains_and_the_jumps_into_them_go() -> None:
    """Deletions alone are written, so that rules of others cannot be harmed."""
    tables = chains.parse("iptables", SAVED)
    assert chains.deletions(tables, chains.ours(tables, before=[])).splitlines() == [
        "*nat",
        ":KUBE-SERVICES - [0:0]",
        ":KUBE-SVC-ABC - [0:0]",
        '-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
        "-X KUBE-SERVICES",
        "-X KUBE-SVC-ABC",
        "COMMIT",
        "*filter",
        "COMMIT",
    ]


ANOTHER_PROXY = """\
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-FOREIGN - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-OURS - [0:0]
:KUBE-SEP-THEIRS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-OURS - [0:0]
:KUBE-SVC-THEIRS - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SEP-OURS -s 198.18.0.10/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-OURS -p tcp -m tcp -j DNAT --to-destination 198.18.0.10:9898
-A KUBE-SEP-THEIRS -p tcp -m tcp -j DNAT --to-destination 192.0.2.7:6443
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-THEIRS
-A KUBE-SERVICES -d 198.19.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-OURS
-A KUBE-SVC-OURS -d 198.19.0.1/32 -p tcp -j KUBE-MARK-MASQ
-A KUBE-SVC-OURS -m comment --comment "shop -> 198.18.0.10:9898" -j KUBE-SEP-OURS
-A KUBE-SVC-THEIRS ! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -j KUBE-MARK-MASQ
-A KUBE-SVC-THEIRS -j KUBE-SEP-THEIRS
COMMIT
"""


def test_where_another_kube_proxy_works_only_what_names_our_addresses_goes() -> None:
    """Both use KUBE-SERVICES: its rules about our Services go, and the chain stays for the other's."""
    tables = chains.parse("iptables", ANOTHER_PROXY)
    assert chains.deletions(tables, chains.ours(tables, before=[])).splitlines() == [
        "*nat",
        ":KUBE-SEP-OURS - [0:0]",
        ":KUBE-SVC-OURS - [0:0]",
        "-D KUBE-SERVICES -d 198.19.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-OURS",
        "-X KUBE-SEP-OURS",
        "-X KUBE-SVC-OURS",
        "COMMIT",
    ]


def test_a_chain_that_was_there_before_is_not_ours() -> None:
    """Nor is one of a name that no kube-proxy uses, nor one that such a chain leads into."""
    saved = "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-FOREIGN - [0:0]\n:CNI-abc - [0:0]\n:KUBE-FORWARD - [0:0]\n"
    saved += ":KUBE-MARK-MASQ - [0:0]\n-A KUBE-FOREIGN -j KUBE-MARK-MASQ\nCOMMIT\n"
    tables = chains.parse("iptables", saved)
    assert chains.ours(tables, before=["iptables/nat/KUBE-SERVICES"]) == ["iptables/nat/KUBE-FORWARD"]


def test_a_rule_whose_comment_names_our_chain_stays() -> None:
    """What counts is where a rule leads, not what somebody wrote about it."""
    rule = '-A INPUT -m comment --comment "like -j KUBE-SERVICES" -j ACCEPT'
    tables = chains.parse("iptables", f"*nat\n:KUBE-SERVICES - [0:0]\n{rule}\nCOMMIT\n")
    assert "-D" not in chains.deletions(tables, chains.ours(tables, before=[]))


@pytest.mark.parametrize(
    ("rule", "another"),
    [
        ("-A KUBE-SERVICES -d 198.19.0.1/32 -j KUBE-SVC-A", False),
        ("-A KUBE-SERVICES ! -d 127.0.0.0/8 -j KUBE-NODEPORTS", False),
        ("-A KUBE-SERVICES -d 10.43.0.1/32 -j KUBE-SVC-A", True),
        ("-A KUBE-SERVICES -d fd00:10:96::1/128 -j KUBE-SVC-A", True),
        ("-A KUBE-SEP-A -j DNAT --to-destination [fd00::7]:443", True),
        ("-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ", True),
        ("-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -j DROP", True),
        ("-A INPUT -j KUBE-FIREWALL", False),
        ('-A KUBE-SERVICES -m comment --comment "not \\" -d 10.43.0.1" -d 198.19.0.1/32 -j KUBE-SVC-A', False),
        ("-A KUBE-FOREIGN -d 10.43.0.1/32 -j ACCEPT", False),
    ],
)
def test_another_kube_proxy_shows_in_its_addresses(rule: str, another: bool) -> None:
    """Every kube-proxy serves the API server's own Service, so an address outside the lab's ranges is always there."""
    assert chains.another_proxy(chains.parse("iptables", f"*nat\n{rule}\nCOMMIT\n")) is another
