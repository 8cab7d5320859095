"""The folder of an installation on this machine, `SLUICE_HOME`: whether it can be written, before anything is started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sluice.errors import TerminalError

WAY_OUT = "set SLUICE_HOME, or --home, to a folder that this process may make and write to"


def check_home(home: Path) -> None:
    """Refuse a folder that cannot be made or written to. Nothing of the attempt stays behind.

    Raises:
        TerminalError: names the setting, the folder, the reason and the way out.
    """
    if why := _unwritable(home):
        raise TerminalError(f"SLUICE_HOME={home} cannot be written: {why}; {WAY_OUT}")


def _unwritable(home: Path) -> str:
    """Why nothing can be put into a folder; empty where it can. Rights alone do not say it: a file system may refuse."""
    there = next((one for one in (home, *home.absolute().parents) if os.path.lexists(one)), Path("/"))
    try:
        with TemporaryDirectory(dir=there, prefix=".sluice-"):
            return ""
    except OSError as error:
        return f"{there}: {error.strerror}"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder as something that `sluice doctor` asks."""

    folder: Path
    name: str = "home"

    async def ping(self) -> str:
        """Where it is.

        Raises:
            TerminalError: it cannot be written.
        """
        check_home(self.folder)
        return f"{self.folder.absolute()} can be written"
