"""The table of everything the lab runs: one entry a daemon. To add one, add an entry.

An entry names the wave in which it starts (a wave begins when all of the one before answers), its command, and the
URL that answers once it is ready.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import ports
from lab.errors import LabError
from lab.machine import network
from lab.parts.certificates import NODE, Identities
from lab.paths import LabPaths
from lab.programs import packages
from lab.programs.build import Built
from lab.programs.toolchain import program

BASE, CLUSTER, GATEWAY = 1, 2, 3
API_REQUESTS = {"qps": 300, "burst": 600}
"""Requests a second of the cluster's own controllers. Their defaults (5 to 50) would make a thousand rollouts wait for a
lab of one machine to set replicas and to accept routes; clusters of that size raise them too."""


@dataclass(frozen=True)
class Daemon:
    """One long-running process of the lab."""

    name: str
    wave: int
    command: list[str]
    ready: str = ""
    """URL that answers, without refusing, once it is ready; empty: readiness shows elsewhere."""
    environment: Mapping[str, str] = field(default_factory=dict)


def found(name: str) -> str:
    """Where a system program is."""
    path = program(name)
    if path is None:
        raise LabError(f"the program {name} is missing; `python -m lab build` installs it.")
    return path


def table(places: LabPaths, built: Built, identities: Identities, webhook_secret: str) -> list[Daemon]:
    """All daemons, in the order in which they start."""
    return [
        *_storage_and_api(places, built, identities),
        *_stand_ins_and_prometheus(places, built, webhook_secret),
        *_cluster(places, built, identities),
        *_gateway(places, built),
    ]


def _local(port: int, path: str = "/", scheme: str = "http") -> str:
    return f"{scheme}://{ports.HOST}:{port}{path}"


def _api_requests(option: str) -> list[str]:
    return [f"{option}-{name}={value}" for name, value in API_REQUESTS.items()]


def _storage_and_api(places: LabPaths, built: Built, identities: Identities) -> list[Daemon]:
    serving, serving_key = identities.certificates["apiserver"]
    client, client_key = identities.certificates["apiserver-kubelet-client"]
    etcd = [
        f"--data-dir={places.data / 'etcd'}",
        f"--listen-client-urls={_local(ports.ETCD, '')}",
        f"--advertise-client-urls={_local(ports.ETCD, '')}",
        f"--listen-peer-urls={_local(ports.ETCD_PEER, '')}",
        f"--initial-advertise-peer-urls={_local(ports.ETCD_PEER, '')}",
        f"--initial-cluster=default={_local(ports.ETCD_PEER, '')}",
        "--unsafe-no-fsync",  # what is lost in a power cut is a lab that is gone anyway
        "--log-level=warn",
    ]
    apiserver = [
        f"--etcd-servers={_local(ports.ETCD, '')}",
        f"--bind-address={ports.HOST}",
        f"--advertise-address={network.NODE_ADDRESS}",
        f"--secure-port={ports.APISERVER}",
        f"--tls-cert-file={serving}",
        f"--tls-private-key-file={serving_key}",
        f"--client-ca-file={identities.authority}",
        f"--kubelet-certificate-authority={identities.authority}",
        f"--kubelet-client-certificate={client}",
        f"--kubelet-client-key={client_key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        f"--service-cluster-ip-range={network.SERVICE_RANGE}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={identities.signing_key}",
        f"--service-account-signing-key-file={identities.signing_key}",
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    ]
    return [
        Daemon("etcd", BASE, [str(built.kube), "etcd", *etcd], _local(ports.ETCD, "/health")),
        Daemon(
            "kube-apiserver",
            BASE,
            [str(built.kube), "kube-apiserver", *apiserver],
            _local(ports.APISERVER, "/readyz", "https"),
        ),
    ]


def _stand_ins_and_prometheus(places: LabPaths, built: Built, webhook_secret: str) -> list[Daemon]:
    git_server = [str(built.git_server), f"{ports.HOST}:{ports.GIT}", str(places.git)]
    prometheus = [
        f"--config.file={places.config / 'prometheus.yaml'}",
        f"--storage.tsdb.path={places.data / 'prometheus'}",
        "--storage.tsdb.retention.time=1d",
        f"--web.listen-address={ports.HOST}:{ports.PROMETHEUS}",
        "--log.level=warn",
    ]
    return [
        Daemon("containerd", BASE, [found("containerd"), "--config", str(places.config / "containerd.toml")]),
        Daemon(
            "registry",
            BASE,
            [found("docker-registry"), "serve", str(places.config / "registry.yaml")],
            _local(ports.REGISTRY, "/v2/"),
            {"OTEL_TRACES_EXPORTER": "none"},
        ),
        Daemon("prometheus", BASE, [found("prometheus"), *prometheus], _local(ports.PROMETHEUS, "/-/ready")),
        Daemon("git", BASE, git_server, _local(ports.GIT)),
        *_stand_in(places, "slack", ports.SLACK),
        *_stand_in(places, "github", ports.GITHUB, "--secret", webhook_secret),
        *_stand_in(places, "gate", ports.GATE),
    ]


def _stand_in(places: LabPaths, name: str, port: int, *options: str) -> list[Daemon]:
    module = f"lab.standins.{name}"
    if importlib.util.find_spec(module) is None:
        return []
    command = [sys.executable, "-m", module, "--port", str(port), "--state-dir", str(stand_in_state(places))]
    return [Daemon(name, BASE, [*command, *options], _local(port), {"PYTHONPATH": str(places.checkout)})]


def stand_in_state(places: LabPaths) -> Path:
    """Where the stand-ins keep what arrived, and their secrets."""
    return places.data / "standins"


def _cluster(places: LabPaths, built: Built, identities: Identities) -> list[Daemon]:
    configs = identities.kubeconfigs
    controller = [
        f"--service-account-private-key-file={identities.signing_key}",
        f"--root-ca-file={identities.authority}",
        "--use-service-account-credentials=true",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={network.POD_RANGE}",
        "--node-cidr-mask-size=24",
        "--leader-elect=false",
        "--horizontal-pod-autoscaler-sync-period=2s",  # as fast as the lab's rollouts
        f"--bind-address={ports.HOST}",
        f"--secure-port={ports.CONTROLLER_MANAGER}",
        *_api_requests("--kube-api"),
    ]
    scheduler = ["--leader-elect=false", f"--bind-address={ports.HOST}", f"--secure-port={ports.SCHEDULER}"]
    scheduler += _api_requests("--kube-api")
    kubelet = [
        f"--config={places.config / 'kubelet.yaml'}",
        f"--root-dir={places.data / 'kubelet'}",
        f"--cert-dir={places.data / 'kubelet' / 'pki'}",
        f"--hostname-override={NODE}",
        f"--node-ip={network.NODE_ADDRESS}",
    ]
    proxy = [
        f"--hostname-override={NODE}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={network.POD_RANGE}",
        "--masquerade-all=true",  # a pod's answer to a Service passes the host even where bridges bypass iptables
        "--iptables-localhost-nodeports=false",
        f"--nodeport-addresses={network.NODE_ADDRESS}/32",  # never on the addresses that others reach
        "--iptables-min-sync-period=100ms",
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
        f"--healthz-bind-address={ports.HOST}:{ports.PROXY_HEALTH}",
        f"--metrics-bind-address={ports.HOST}:{ports.PROXY_METRICS}",
    ]
    arguments = {
        "kube-controller-manager": (controller, _local(ports.CONTROLLER_MANAGER, "/healthz", "https")),
        "kube-scheduler": (scheduler, _local(ports.SCHEDULER, "/healthz", "https")),
        "kubelet": (kubelet, _local(ports.KUBELET_HEALTH, "/healthz")),
        "kube-proxy": (proxy, _local(ports.PROXY_HEALTH, "/livez")),
    }
    return [
        Daemon(name, CLUSTER, [str(built.kube), name, f"--kubeconfig={configs[name]}", *options], ready)
        for name, (options, ready) in arguments.items()
    ]


def _gateway(places: LabPaths, built: Built) -> list[Daemon]:
    contour = [
        "serve",
        "--no-incluster",
        f"--kubeconfig={places.kubeconfig}",
        f"--config-path={places.config / 'contour.yaml'}",
        "--insecure",  # xDS over loopback
        "--disable-leader-election",
        *_api_requests("--kubernetes-client"),
        f"--xds-address={ports.HOST}",
        f"--xds-port={ports.CONTOUR_XDS}",
        f"--http-address={ports.HOST}",
        f"--http-port={ports.CONTOUR_HTTP}",
        f"--health-address={ports.HOST}",
        f"--health-port={ports.CONTOUR_HEALTH}",
        f"--debug-http-address={ports.HOST}",
        f"--debug-http-port={ports.CONTOUR_DEBUG}",
        f"--envoy-service-http-address={ports.HOST}",
        f"--envoy-service-http-port={ports.GATEWAY}",
        f"--envoy-service-https-address={ports.HOST}",
        f"--envoy-service-https-port={ports.GATEWAY_TLS}",
        f"--stats-address={ports.HOST}",
        f"--stats-port={ports.ENVOY_STATS}",
    ]
    envoy = [
        "--config-path",
        str(places.config / "envoy.json"),
        "--service-cluster",
        "lab",
        "--service-node",
        "lab-envoy",
        "--log-level",
        "warning",
        "--concurrency",
        "2",
        "--base-id",
        str(ports.GATEWAY),
    ]
    return [
        Daemon(
            "contour",
            GATEWAY,
            [str(built.contour), *contour],
            _local(ports.CONTOUR_HEALTH, "/healthz"),
            {"CONTOUR_NAMESPACE": "projectcontour"},
        ),
        Daemon("envoy", GATEWAY, [str(packages.envoy()), *envoy], _local(ports.ENVOY_STATS, "/ready")),
    ]
