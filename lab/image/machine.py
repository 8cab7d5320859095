"""The stage `base` of the Dockerfile, made of what this machine has: Python, git, gpg, a shell, their libraries, a user.

What the Dockerfile brings from elsewhere (kustomize, helm, cosign) is handed in, built by the lab.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.errors import LabError
from lab.programs.toolchain import program

PROGRAMS = ("sh", "env", "cat", "ls", "id", "date", "touch", "git", "ssh", "ssh-keygen")
SIGNING = ("gpg", "gpg-agent", "gpgconf", "gpg-connect-agent", "gpgv")
"""To sign commits, to verify them, and for what is encrypted by OpenPGP."""
LEFT_OUT = shutil.ignore_patterns(
    "test", "tests", "idlelib", "tkinter", "turtledemo", "site-packages", "dist-packages", "config-*", "lib2to3"
)
LIBRARIES = (
    *("libstdc++.so.6", "libgcc_s.so.1"),
    *("libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libutil.so.1", "libresolv.so.2"),
)
"""What wheels expect of any Linux, besides what programs name themselves: those of a manylinux that have no screen."""
FILES = ("/etc/ssl/certs/ca-certificates.crt",)
LINKS = ("bin", "sbin", "lib", "lib64")
USERS = "root:x:0:0:root:/root:/bin/sh\nsluice:x:65532:65532::/var/lib/sluice:/bin/sh\n"
GROUPS = "root:x:0:\nsluice:x:65532:\n"
LDD_S = 300
"""Seconds for the libraries of about a hundred files: one is quick, and a machine may be busy with others."""


def base(root: Path, programs: Mapping[str, Path]) -> None:
    """Fill an empty folder; `programs` are those that do not come from this machine, static, by name."""
    for name in LINKS:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "etc", "root", "src", "usr/local/bin", "usr/local/lib", "var/lib/sluice"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir(mode=0o1777)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    own = {name: found(name) for name in (*PROGRAMS, *SIGNING)}
    for name, place in own.items():
        _copy(place, root / "usr/bin" / name)
    git = Path(
        subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True, timeout=LDD_S).stdout.strip()
    )
    shutil.copytree(git, root / git.relative_to("/"), symlinks=True, dirs_exist_ok=True)
    for name in FILES:
        _copy(Path(name), root / name.lstrip("/"))
    for name, place in programs.items():
        _copy(place, root / "usr/local/bin" / name)
    python = _python(root)
    binaries = [
        *(found(name) for name in (*PROGRAMS, *SIGNING)),
        Path(sys.executable).resolve(),
        *git.glob("git-remote-http"),
    ]
    modules = [one for one in python.rglob("*.so") if "site-packages" not in one.parts]
    _libraries(root, [*binaries, *modules])


def _python(root: Path) -> Path:
    """The interpreter and its standard library; returns where that is on this machine."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _copy(Path(sys.executable).resolve(), root / "usr/local/bin" / version)
    for name in ("python3", "python"):
        (root / "usr/local/bin" / name).symlink_to(version)
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))
    shutil.copytree(library, root / "usr/local/lib" / version, ignore=LEFT_OUT)
    wheels = sysconfig.get_config_var("WHEEL_PKG_DIR")  # Debian keeps pip for new environments outside the library
    if wheels and Path(wheels).is_dir():
        shutil.copytree(wheels, root / str(wheels).lstrip("/"))
    return library


def _libraries(root: Path, binaries: Iterable[Path]) -> None:
    """The shared libraries of programs, each where a loader looks by default."""
    folder = root / "usr/lib" / (sysconfig.get_config_var("MULTIARCH") or "")
    folder.mkdir(parents=True, exist_ok=True)
    listed = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False, timeout=LDD_S
    ).stdout
    wanted = dict(re.findall(r"^\s+(\S+) => (/\S+)", listed, re.MULTILINE))
    cached = subprocess.run([found("ldconfig"), "-p"], capture_output=True, text=True, check=True, timeout=LDD_S).stdout
    for name in LIBRARIES:
        if match := re.search(rf"^\s+{re.escape(name)} .* => (\S+)$", cached, re.MULTILINE):
            wanted[name] = match[1]
    for name, place in wanted.items():
        _copy(Path(place), folder / name)
    for loader in set(re.findall(r"^\s+(/lib\S*/ld-\S+)", listed, re.MULTILINE)):
        _copy(Path(loader), root / "usr" / loader.lstrip("/"))


def found(name: str) -> Path:
    place = program(name)
    if place is None:
        raise LabError(f"the program {name} is missing, which the image of sluice needs")
    return Path(place)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source.resolve(), target)
