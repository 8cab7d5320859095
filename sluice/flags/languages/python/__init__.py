"""Python: flags are found and removed with LibCST, which keeps every byte that it does not have to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.flags.calls import FlagCall, of_language
from sluice.flags.languages.base import Removal
from sluice.flags.languages.python.references import references
from sluice.flags.languages.python.removal import remove
from sluice.flags.reference import Reference


@dataclass(frozen=True, slots=True)
class Python:
    """Python of the version that sluice runs on, and before."""

    name: str = "python"
    suffixes: tuple[str, ...] = (".py", ".pyi")

    def references(self, files: Mapping[str, str], calls: tuple[FlagCall, ...]) -> tuple[Reference, ...]:
        """Each place at which any flag is read."""
        return references(files, of_language(calls, self.name))

    def remove(self, files: Mapping[str, str], flag: str, value: str, calls: tuple[FlagCall, ...]) -> Removal:
        """The repository as it is where the flag always has this value."""
        return remove(files, flag, value, of_language(calls, self.name))
