"""Images made without an engine are the same every time."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from lab.parts import oci


def test_the_digest_depends_on_the_content_only(tmp_path: Path) -> None:
    """When and where the program was built does not change the image's name."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"program")
    other.write_bytes(b"program")
    os.utime(other, (0, 0))
    other.chmod(0o600)
    assert oci.layer_of({"/app": one}) == oci.layer_of({"/app": other})
    other.write_bytes(b"another")
    assert oci.layer_of({"/app": one}) != oci.layer_of({"/app": other})


def test_files_are_executable_and_belong_to_root(tmp_path: Path) -> None:
    """A program that cannot be run is no use in an image."""
    program = tmp_path / "app"
    program.write_bytes(b"program")
    with tarfile.open(fileobj=io.BytesIO(oci.layer_of({"/bin/app": program}))) as layer:
        (entry,) = layer.getmembers()
    assert (entry.name, entry.mode, entry.uid, entry.mtime) == ("bin/app", 0o755, 0, 0)
