"""Who is who in the lab's cluster: the certificate and the kubeconfig of every part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import ports
from lab.machine import network
from lab.parts.pki import Authority
from lab.paths import LabPaths

CONTEXT = "sluice-lab"
NODE = "lab"
APISERVER_URL = f"https://{ports.HOST}:{ports.APISERVER}"

CLIENTS = {
    "admin": ("admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
    "apiserver-kubelet-client": ("kube-apiserver", "system:masters"),
}
"""File name → the user and the group that its certificate proves."""


@dataclass(frozen=True)
class Identities:
    """Where each certificate, key and kubeconfig lies, by file name."""

    authority: Path
    signing_key: Path
    certificates: dict[str, tuple[Path, Path]]
    kubeconfigs: dict[str, Path]


def issue(places: LabPaths) -> Identities:
    """Make all of it anew."""
    authority = Authority(places.pki)
    certificates = {name: authority.client(name, user, group) for name, (user, group) in CLIENTS.items()}
    local = ["kubernetes", "kubernetes.default.svc", "localhost", ports.HOST, network.APISERVER_SERVICE]
    certificates["apiserver"] = authority.server("apiserver", local)
    certificates["kubelet-server"] = authority.server("kubelet-server", [NODE, network.NODE_ADDRESS])
    kubeconfigs = {}
    for name in CLIENTS:
        file = places.kubeconfig if name == "admin" else places.config / f"{name}.kubeconfig"
        write_kubeconfig(file, authority.file, certificates[name])
        kubeconfigs[name] = file
    return Identities(authority.file, authority.signing_key("service-accounts"), certificates, kubeconfigs)


def write_kubeconfig(file: Path, authority: Path, client: tuple[Path, Path]) -> None:
    """A kubeconfig that names its certificates as files, readable by its owner only."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CONTEXT, "cluster": {"server": APISERVER_URL, "certificate-authority": str(authority)}},
        ],
        "users": [{"name": CONTEXT, "user": {"client-certificate": str(client[0]), "client-key": str(client[1])}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(document, sort_keys=False))
