"""Every port that the lab listens on, all of them on the loopback address (the kubelet: on the lab's own bridge).

They are far from the usual ones, so that a cluster, a registry or a Prometheus that the machine already runs stays
undisturbed.
"""

from __future__ import annotations

HOST = "127.0.0.1"

ETCD = 12379
ETCD_PEER = 12380
APISERVER = 16443
CONTROLLER_MANAGER = 16257
SCHEDULER = 16259
KUBELET = 16250
KUBELET_HEALTH = 16248
PROXY_HEALTH = 16256
PROXY_METRICS = 16249

REGISTRY = 15000
REGISTRY_DEBUG = 15001
GIT = 13000
SLACK = 13001
GITHUB = 13002
GATE = 13003
FLAGS = 13004
"""For the flag service of `make demo`, on the lab's own bridge, where pods ask it; nothing listens here otherwise."""
PROMETHEUS = 19090

GATEWAY = 18080
GATEWAY_TLS = 18443
GATEWAY_LISTENER = GATEWAY - 8000
"""The port that the Gateway object names: Contour adds 8000 to it for Envoy's listener."""
CONTOUR_XDS = 18001
CONTOUR_HTTP = 18002
CONTOUR_HEALTH = 18003
CONTOUR_DEBUG = 18006
ENVOY_STATS = 18004

RECEIVER = 18900
"""Where the registry sends its notifications; the lab does not listen here, sluice does."""
PREFECT = 14200
"""For the Prefect server of `sluice up`; the lab does not listen here."""

POSTGRESQL = 15432
REDIS = 16379
BENCH_PROMETHEUS = 19190
METRICS_SOURCE = 19191
BENCH_PREFECT = 14300
"""For `make bench-scale`; nothing listens here otherwise."""


def listening() -> dict[str, int]:
    """Who listens where while the lab is up: name → port."""
    return {
        "etcd": ETCD,
        "etcd (peers)": ETCD_PEER,
        "kube-apiserver": APISERVER,
        "kube-controller-manager": CONTROLLER_MANAGER,
        "kube-scheduler": SCHEDULER,
        "kubelet (health)": KUBELET_HEALTH,
        "kube-proxy (health)": PROXY_HEALTH,
        "kube-proxy (metrics)": PROXY_METRICS,
        "registry": REGISTRY,
        "registry (debug)": REGISTRY_DEBUG,
        "git server": GIT,
        "Slack stand-in": SLACK,
        "GitHub stand-in": GITHUB,
        "gate stand-in": GATE,
        "Prometheus": PROMETHEUS,
        "gateway": GATEWAY,
        "Contour (xDS)": CONTOUR_XDS,
        "Contour (metrics)": CONTOUR_HTTP,
        "Contour (health)": CONTOUR_HEALTH,
        "Contour (debug)": CONTOUR_DEBUG,
        "Envoy (stats)": ENVOY_STATS,
    }
