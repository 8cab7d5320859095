"""Does what the Dockerfile says, and pushes what comes of it to a registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import paths
from lab.errors import LabError
from lab.image import machine
from lab.image.dockerfile import Instruction, Stage, stages
from lab.parts import oci
from lab.programs import cache, packages, versions
from lab.progress import say

BASE = "base"
RUN_S = 600
PASSED_ON = (
    "PIP_",
    "SSL_CERT",
    "REQUESTS_CA",
    "CURL_CA",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
"""Variables that say how this machine reaches its package index: an engine's build has settings of its own for it."""
FROM_MACHINE = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf")
ENTER = """set -e
mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc"
for file in $3; do mount --bind "$file" "$0$file"; done
exec "$4" "$0" /bin/sh -c "cd $1 && $2"
"""
"""Makes a folder the root, in a view of the mounts that ends with the command."""


@dataclass
class Image:
    """What a build is made of: the base, and what the last stage adds, each a folder that becomes a layer."""

    base: Path
    added: Path
    config: dict[str, Any] = field(default_factory=dict)


class Builder:
    """Builds the image of one checkout. What was built before from the same lines and files is not built again."""

    def __init__(self, checkout: Path, programs: Mapping[str, Path]) -> None:
        self._checkout = checkout
        self._programs = programs
        self._cache = paths.cache_root() / "image"

    def build(self, work: Path) -> Image:
        """Build in the folder `work`.

        Raises:
            LabError: a line cannot be done here, or fails.
        """
        found = {stage.name: stage for stage in stages(self._checkout / "Dockerfile")}
        key = cache.key_of([sys.version], [Path(machine.__file__), *self._programs.values()])
        base = cache.made_once(self._cache / f"base-{key}", lambda root: machine.base(root, self._programs))
        roots = {BASE: base}
        for stage in found.values():
            if stage.origin == BASE and stage.name:
                roots[stage.name] = self._run_all(stage, key, base, work / stage.name)
        last = next(stage for stage in found.values() if not stage.name)
        return self._last(last, base, roots, work / "added")

    def _run_all(self, stage: Stage, key: str, base: Path, root: Path) -> Path:
        """A stage whose files are wanted by another one."""
        keys = self._keys(stage, key)
        begin = next((n for n in reversed(range(len(keys))) if (self._cache / f"stage-{keys[n]}").is_dir()), -1)
        _clone(self._cache / f"stage-{keys[begin]}" if begin >= 0 else base, root)
        folder = next((one.rest for one in stage.instructions if one.verb == "WORKDIR"), "/")
        for one, name in list(zip(stage.instructions, keys, strict=True))[begin + 1 :]:
            if one.verb == "COPY":
                self._copy(one, root / folder.lstrip("/"))
            elif one.verb == "RUN":
                say(f"image: {one.rest[:100]}")
                run_in(root, folder, one.rest)
                cache.made_once(self._cache / f"stage-{name}", lambda place: _clone(root, place))
        return root

    def _keys(self, stage: Stage, key: str) -> list[str]:
        """Of each instruction: what it and all before it depend on."""
        keys = []
        for one in stage.instructions:
            files = (
                [file for name in _sources(one) for file in _files(self._checkout / name)] if one.verb == "COPY" else []
            )
            key = cache.key_of([key, one.verb, one.rest, *(str(file) for file in files)], files)
            keys.append(key)
        return keys

    def _copy(self, one: Instruction, folder: Path) -> None:
        *names, target = one.rest.split()
        for name in names:
            source, into = self._checkout / name, folder / target
            if source.is_dir():
                shutil.rmtree(into, ignore_errors=True)
                shutil.copytree(source, into, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (into / name).unlink(missing_ok=True)  # it may be another build's too
                shutil.copy2(source, into / name)

    def _last(self, stage: Stage, base: Path, roots: dict[str, Path], added: Path) -> Image:
        config: dict[str, Any] = {"Env": []}
        for one in stage.instructions:
            if one.verb == "COPY":
                origin, source, target = one.rest.split()
                into = added / target.lstrip("/")
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(roots[origin.removeprefix("--from=")] / source.lstrip("/"), into, symlinks=True)
            elif one.verb == "ENV":
                config["Env"].append(one.rest)
            elif one.verb in {"ENTRYPOINT", "CMD"}:
                config[one.verb.capitalize()] = json.loads(one.rest)
            elif one.verb in {"USER", "WORKDIR"}:
                config[{"USER": "User", "WORKDIR": "WorkingDir"}[one.verb]] = one.rest
            elif one.verb != "EXPOSE":
                raise LabError(f"Dockerfile: the lab's last stage cannot {one.verb}: put it into an earlier one")
        return Image(base, added, config)


def push(registry: str, name: str, tag: str, checkout: Path, programs: Mapping[str, Path]) -> str:
    """Build the image of a checkout, push it as `registry/name:tag`, and say its digest.

    `programs` are those that the base has besides this machine's own, by name.
    """
    packages.install_system_packages(versions.IMAGE_PACKAGES)
    with (
        cache.locked(paths.cache_root() / "image" / ".lock"),
        tempfile.TemporaryDirectory(dir=paths.cache_root()) as folder,
    ):
        work = Path(folder)
        image = Builder(checkout, programs).build(work)
        layers = [work / "base.tar", work / "added.tar"]
        for source, target in zip((image.base, image.added), layers, strict=True):
            oci.archive(source, target)
        return oci.push_layers(registry, name, tag, layers, image.config)


def _sources(one: Instruction) -> list[str]:
    return one.rest.split()[:-1]


def _files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return sorted(file for file in place.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _clone(source: Path, target: Path) -> None:
    """Clone a folder by hard links, without a copy of what is in its files."""
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--link", f"{source}/.", str(target)], check=True, timeout=RUN_S)


def run_in(root: Path, folder: str, command: str) -> None:
    """Run a command with `root` as its root, in a folder of it.

    Raises:
        LabError: it failed; the message has the end of what it said.
    """
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    named = {*FROM_MACHINE, *(value for value in passed.values() if value.startswith("/"))}
    files = sorted(name for name in named if Path(name).is_file())
    for name in files:
        (root / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / name.lstrip("/")).touch()
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", **passed}
    program = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", ENTER]
    done = subprocess.run(
        [*program, str(root), folder, command, " ".join(files), str(machine.found("chroot"))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(
            f"Dockerfile: {command}\nended with {done.returncode}: {(done.stdout + done.stderr).strip()[-1500:]}"
        )
