"""Things that take long to make are made once: under a name that says what went into them, all or nothing.

A build happens in a temporary folder next to its final place and is renamed into it, so that what is there is always
whole; a lock per name lets two builds of the same thing wait for each other instead of racing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def key_of(words: Iterable[str], files: Iterable[Path]) -> str:
    """A short name for these words and the content of these files (their names count, their folders do not)."""
    summary = hashlib.sha256()
    for word in words:
        summary.update(b"word\0" + word.encode() + b"\0")
    for file in files:
        content = file.read_bytes()
        summary.update(b"file\0" + file.name.encode() + b"\0" + str(len(content)).encode() + b"\0" + content)
    return summary.hexdigest()[:16]


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path`; `waiting` is called once when somebody else holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def made_once(place: Path, make: Callable[[Path], None], waiting: Callable[[], None] | None = None) -> Path:
    """Return the folder `place`, calling `make(temporary folder)` first if it is not there yet."""
    if place.is_dir():
        return place
    with locked(place.parent / f".{place.name}.lock", waiting):
        if place.is_dir():
            return place
        for abandoned in place.parent.glob(f".{place.name}.*/"):
            shutil.rmtree(abandoned, ignore_errors=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            make(temporary)
            temporary.chmod(0o755)
            os.rename(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return place
