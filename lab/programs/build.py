"""Builds Kubernetes and Contour from their Go modules, once per version, into the shared cache.

Kubernetes, etcd, kubectl and kustomize are one program (`lab/kube/main.go`): linked once, stored once. The manifests
that describe the gateway's kinds are taken from the same modules, so that they always fit the programs.
"""

from __future__ import annotations

import json
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import yaml

from lab import paths
from lab.errors import LabError
from lab.programs import cache, gobuild, packages, toolchain, versions
from lab.progress import Steps, say

LIST_TIMEOUT_S = 900
KUBE = paths.SOURCES / "kube"
CONTOUR = paths.SOURCES / "contour"
CONTOUR_PACKAGE = "github.com/projectcontour/contour/cmd/contour"
GATEWAY_CHANNEL = "config/crd/experimental"
CACHED = "not installed but available in build cache"
PARTS = ("kubectl", "kustomize")
CRDS = "crds.json"


@dataclass(frozen=True)
class Built:
    """The programs and manifests that a lab runs on."""

    kube: Path
    contour: Path
    envoy: Path
    git_server: Path
    pause: Path
    crds: Path


def key() -> str:
    """The cache key: every version and every source that goes into the build."""
    sources = [KUBE / "main.go", *(folder / name for folder in (KUBE, CONTOUR) for name in ("go.mod", "go.sum"))]
    return cache.key_of([versions.KUBERNETES, versions.CONTOUR, " ".join(_kube_flags()), "layout 2"], sources)


def place() -> Path:
    """Where the big build lies, or will."""
    return paths.cache_root() / key()


def build() -> Built:
    """Make whatever is not there yet and say where everything is; quick when all is there."""
    packages.install_system_packages()
    folder = place()
    cache.made_once(folder, _build_all, lambda: say("another build of the same versions is under way: waiting for it"))
    return Built(
        kube=folder / "kube",
        contour=folder / "contour",
        envoy=packages.envoy(),
        git_server=gobuild.build_program(paths.SOURCES / "gitserver", "gitserver"),
        pause=gobuild.build_program(paths.SOURCES / "apps" / "pause", "pause"),
        crds=folder / CRDS,
    )


def _kube_flags() -> list[str]:
    """Without these the server calls itself v0.0.0-master, which clients that parse versions refuse."""
    major, minor, _ = versions.KUBERNETES.split(".")
    values = {
        "gitVersion": f"v{versions.KUBERNETES}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return [f"-X {where}.{name}={value}" for where in places for name, value in values.items()]


def _build_all(folder: Path) -> None:
    say(f"building the lab with {toolchain.go_binary()}; this happens once and takes 5 to 15 minutes on two cores")
    _go_build("Kubernetes", KUBE, ".", folder / "kube", _kube_flags())
    version = f"-X github.com/projectcontour/contour/internal/build.Version=v{versions.CONTOUR}"
    _go_build("Contour", CONTOUR, CONTOUR_PACKAGE, folder / "contour", [version])
    for name in PARTS:
        (folder / name).symlink_to("kube")
    _collect_crds(folder / CRDS)


def _go(source: Path, *arguments: str) -> str:
    return toolchain.run_go(source, LIST_TIMEOUT_S, *arguments)


def _go_build(title: str, source: Path, package: str, target: Path, flags: list[str]) -> None:
    say(f"{title}: fetching its sources")
    options = ["-trimpath", "-buildvcs=false", f"-ldflags=-s -w {' '.join(flags)}"]
    listing = _go(source, "list", *options, "-deps", "-f", "{{if .Stale}}{{.StaleReason}}{{end}}", package)
    stale = [line for line in listing.splitlines() if line and line != CACHED]
    command = [str(toolchain.go_binary()), "build", "-v", *options, "-o", str(target), package]
    last: deque[str] = deque(maxlen=40)
    with (
        Steps(f"building {title}", len(stale), "packages") as steps,
        subprocess.Popen(
            command, cwd=source, env=toolchain.go_environment(), stderr=subprocess.PIPE, text=True
        ) as building,
    ):
        assert building.stderr is not None  # noqa: S101  # stderr=PIPE
        for line in building.stderr:
            last.append(line)
            steps.done()
    if building.returncode != 0:
        raise LabError(f"the build of {title} failed:\n{''.join(last)}")


def _collect_crds(target: Path) -> None:
    """One file for all of them, and JSON, because parsing so much YAML would take a second of every `up`."""
    gateway = Path(_go(CONTOUR, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").strip())
    contour = Path(_go(CONTOUR, "list", "-m", "-f", "{{.Dir}}", "github.com/projectcontour/contour").strip())
    files = [*sorted((gateway / GATEWAY_CHANNEL).glob("gateway.*.yaml")), contour / "examples/contour/01-crds.yaml"]
    manifests = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]
    crds = [each for each in manifests if each["kind"] == "CustomResourceDefinition"]
    target.write_text(json.dumps(crds))
