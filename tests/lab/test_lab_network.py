"""`down` removes the lab's network rules and nobody else's."""

from __future__ import annotations

from lab import network

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
    assert network.without_ours(SAVED).splitlines() == [
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
