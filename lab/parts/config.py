"""The configuration files of the lab's parts.

They are written from here rather than shipped, because nearly every line holds a path or a port of this lab.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from lab import ports
from lab.machine import network
from lab.parts.certificates import Identities
from lab.paths import LabPaths

PAUSE_IMAGE = f"{ports.HOST}:{ports.REGISTRY}/lab/pause:1"
GATEWAY_NAMESPACE = "projectcontour"
GATEWAY_NAME = "lab"


def write_all(places: LabPaths, identities: Identities, registry_token: str) -> None:
    """Write every configuration file into the lab's folder."""
    network_folder = places.config / "cni"
    network_folder.mkdir(exist_ok=True)
    (network_folder / "10-lab.conflist").write_text(json.dumps(cni(places), indent=1))
    (places.config / "containerd.toml").write_text(containerd(places, overlay_works(places.data)))
    documents = {
        "kubelet.yaml": kubelet(places, identities),
        "registry.yaml": registry(places, registry_token),
        "prometheus.yaml": prometheus(),
        "contour.yaml": {"gateway": {"gatewayRef": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE}}},
    }
    for name, document in documents.items():
        file = places.config / name
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(document, sort_keys=False))


def overlay_works(folder: Path) -> bool:
    """Try an overlay mount where the images will lie: it saves a copy of the image per container."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        parts = {part: Path(name) / part for part in ("lower", "upper", "work", "merged")}
        for each in parts.values():
            each.mkdir()
        options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
        try:
            network.run("mount", "-t", "overlay", "overlay", "-o", options, str(parts["merged"]))
            network.run("umount", str(parts["merged"]))
        except (OSError, subprocess.SubprocessError):
            return False
    return True


def cni(places: LabPaths) -> dict[str, Any]:
    """Pods hang on the bridge and have a route to pods and Services only: nothing leads outside."""
    addresses = {
        "type": "host-local",
        "dataDir": str(places.data / "addresses"),
        "ranges": [[{"subnet": network.NODE_RANGE, "rangeStart": "198.18.0.10", "gateway": network.NODE_ADDRESS}]],
        "routes": [{"dst": network.WHOLE_RANGE}],
    }
    bridge = {"type": "bridge", "bridge": network.BRIDGE, "isGateway": True, "ipMasq": False, "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": "sluice-lab", "plugins": [bridge]}


def containerd(places: LabPaths, overlay: bool) -> str:
    """containerd with everything it writes inside the lab's own folders.

    restrict_oom_score_adj: a root without CAP_SYS_RESOURCE cannot lower the score, and runc would die trying.
    """
    return f"""version = 2
root = "{places.data}/containerd"
state = "{places.containerd_state}"
disabled_plugins = [
  "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "{places.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{places.data}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "{PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{"overlayfs" if overlay else "native"}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{places.run}/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{places.config}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."{ports.HOST}:{ports.REGISTRY}"]
    endpoint = ["http://{ports.HOST}:{ports.REGISTRY}"]
"""


def kubelet(places: LabPaths, identities: Identities) -> dict[str, Any]:
    """A kubelet that acts at once and leaves the machine's own settings alone where it can.

    The limits on events and pulls are lifted because a lab's registry and apiserver have one user; nothing here makes
    a pod count as ready earlier than its own probes say.
    """
    certificate, key = identities.certificates["kubelet-server"]
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # There is no DNS in the lab; naming an address keeps the kubelet from warning of it on every pod.
        "clusterDNS": ["198.19.0.10"],
        "address": network.NODE_ADDRESS,
        "port": ports.KUBELET,
        "healthzBindAddress": ports.HOST,
        "healthzPort": ports.KUBELET_HEALTH,
        "readOnlyPort": 0,
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(identities.authority)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{places.cgroup}",
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": f"unix://{places.containerd_socket}",
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi"},
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "podLogsDir": str(places.data / "pod-logs"),
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "2s",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "maxPods": 220,
    }


def registry(places: LabPaths, token: str) -> dict[str, Any]:
    """A registry that tells sluice's receiver of every push, and keeps trying every second while nobody listens."""
    endpoint = {
        "name": "sluice",
        "url": f"http://{ports.HOST}:{ports.RECEIVER}/registry",
        "headers": {"Authorization": [f"Bearer {token}"]},
        "timeout": "5s",
        "threshold": 1,
        "backoff": "1s",
    }
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(places.data / "registry")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {
            "addr": f"{ports.HOST}:{ports.REGISTRY}",
            "secret": "one registry alone has nobody to share it with",
            "debug": {"addr": f"{ports.HOST}:{ports.REGISTRY_DEBUG}"},
        },
        "notifications": {"endpoints": [endpoint]},
    }


def prometheus() -> dict[str, Any]:
    """Envoy's figures every two seconds, and Prometheus' own."""
    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
        "scrape_configs": [
            {
                "job_name": "envoy",
                "metrics_path": "/stats/prometheus",
                "static_configs": [{"targets": [f"{ports.HOST}:{ports.ENVOY_STATS}"]}],
            },
            {
                "job_name": "contour",
                "scrape_interval": "10s",
                "static_configs": [{"targets": [f"{ports.HOST}:{ports.CONTOUR_HTTP}"]}],
            },
        ],
    }
