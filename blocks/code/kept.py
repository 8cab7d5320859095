"""What was found in code before, by what it was found in: the same files need not be read twice.

A name is made of the hashes that git has of all files of a language, for constants and wrappers of one file are used in
others. What is kept is bounded; what was used longest ago goes first. What cannot be read is as what is not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from sluice.flags.calls import FlagCall
from sluice.flags.reference import Place, Reference

MOST_KEPT, MOST_BYTES = 2000, 64 << 20
"""Files and bytes of all of them."""


class Kept:
    """A folder of references."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def name(self, language: str, blobs: Iterable[tuple[str, str]], calls: Sequence[FlagCall]) -> str:
        """The name of what is found in these files by these calls with this version of sluice.

        Args:
            language: its name.
            blobs: path and hash of each file.
            calls: by which flags are asked for.
        """
        shown = [f"{asdict(one) | {'languages': sorted(one.languages)}}" for one in calls]
        about = [version("sluice"), _engine(language), language, sorted(blobs), sorted(shown)]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()

    def find(self, name: str) -> tuple[Reference, ...] | None:
        """What was found; None where nothing is kept of it."""
        file = self._home / f"{name}.json"
        try:
            found = json.loads(file.read_bytes())
            os.utime(file)
            return tuple(Reference(**{**one, "place": Place(**one["place"])}) for one in found)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, name: str, references: Sequence[Reference]) -> None:
        """Write down what was found. Where the folder cannot be written, it is found once more the next time."""
        with contextlib.suppress(OSError):
            self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self._home / f".{name}.{os.getpid()}"
            new.write_text(json.dumps([asdict(one) for one in references]))
            new.replace(self._home / f"{name}.json")
            self._trim()

    def _trim(self) -> None:
        files = sorted(((one.stat(), one) for one in self._home.iterdir()), key=lambda one: -one[0].st_mtime)
        whole = 0
        for at, (about, file) in enumerate(files):
            whole += about.st_size
            if at >= MOST_KEPT or whole > MOST_BYTES:
                file.unlink(missing_ok=True)


def _engine(language: str) -> str:
    """The version of what parses a language, as far as it is a package: another one may find other things."""
    package = {"python": "libcst"}.get(language, "ast-grep-py")
    with contextlib.suppress(Exception):
        return version(package)
    return ""
