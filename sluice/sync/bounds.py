"""How much a source may bring: what somebody pushes must not fill the disk or the memory that all releases share."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import InvalidError

WAY_OUT = "leave files out with spec.ignore or a .sourceignore"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one revision of a source may have.

    Attributes:
        size: bytes of all files together.
        files: how many files, directories and links.
    """

    size: int = 256 << 20
    files: int = 50_000


class Measured:
    """What one revision has so far."""

    def __init__(self, bounds: Bounds, way_out: str = WAY_OUT) -> None:
        """
        Args:
            bounds: what it may have.
            way_out: what its owner can do, for the message.
        """
        self._bounds, self._way_out = bounds, way_out
        self.size = self.files = 0

    def add(self, path: str, size: int) -> None:
        """Count one more file, before it is written.

        Raises:
            InvalidError: that is too much; the message names the file and the way out.
        """
        self.size += size
        self.files += 1
        if self.size > self._bounds.size:
            raise InvalidError(
                f"{path}: with its {_mib(size)} the source has more than {_mib(self._bounds.size)}; {self._way_out}"
            )
        if self.files > self._bounds.files:
            raise InvalidError(f"{path}: the source has more than {self._bounds.files:,} files; {self._way_out}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.0f} MiB" if size >= 1 << 20 else f"{size:,} bytes"
