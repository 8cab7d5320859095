"""Reads and changes code of repositories that nobody vouches for, in processes of their own with little time and memory."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blocks.code.kept import Kept
from blocks.code.languages_apart import sent
from blocks.programs import ended
from sluice.errors import InvalidError, TransientError
from sluice.flags.calls import FlagCall
from sluice.flags.languages.base import Left, Removal
from sluice.flags.reference import Place, Reference

TIMEOUT = 120.0
"""Seconds for one repository."""
Texts = Mapping[str, Mapping[str, str]]
"""By language and path."""
_PROGRAM = "blocks.code.languages_apart"


class Reading:
    """The processes that read code, so many at once."""

    def __init__(self, home: Path, at_once: int = 0) -> None:
        """
        Args:
            home: folder for what was found; made where it is missing, may be deleted at any time.
            at_once: processes; 0 for one for each processor, two at least.
        """
        self.kept = Kept(home)
        self._room = asyncio.Semaphore(at_once or max(2, os.cpu_count() or 2))

    async def references(self, files: Texts, calls: Sequence[FlagCall], where: str) -> dict[str, tuple[Reference, ...]]:
        """Each place of a repository at which a flag is asked for, by language.

        Args:
            files: its texts.
            calls: by which flags are asked for.
            where: the repository, for messages.

        Raises:
            InvalidError: one of its texts is too much for its parser.
            TransientError: it took too long.
        """
        answer = await self._ask({"act": "references", "files": files, "calls": [sent(one) for one in calls]}, where)
        return {name: tuple(_reference(one) for one in found) for name, found in answer.items()}

    async def removals(
        self, files: Texts, calls: Sequence[FlagCall], wanted: Sequence[tuple[str, str]], where: str
    ) -> list[list[Removal]]:
        """For each flag and value the removal in each language.

        Raises:
            as `references`.
        """
        asked = {"act": "remove", "files": files, "calls": [sent(one) for one in calls], "wanted": list(wanted)}
        answer = await self._ask(asked, where)
        return [[_removal(flag, one) for one in made] for (flag, _), made in zip(wanted, answer, strict=True)]

    async def _ask(self, asked: dict[str, Any], where: str) -> Any:
        # Where this program itself finds its modules, and nothing else of the machine's environment.
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
        }
        async with self._room:
            try:
                done = await ended(
                    [sys.executable, "-s", "-P", "-m", _PROGRAM],
                    environment,
                    TIMEOUT,
                    stdin=json.dumps(asked).encode(),
                    errors=True,
                )
            except TimeoutError as error:
                raise TransientError(f"{where}: its code took longer than {TIMEOUT:g} s to read") from error
        if done.code:
            raise InvalidError(
                f"{where}: its code could not be read (exit {done.code}: {_last_line(done.said)}); leave the file out with "
                "`exclude`"
            )
        return json.loads(done.out)


def _reference(one: Mapping[str, Any]) -> Reference:
    return Reference(**{**one, "place": Place(**one["place"])})


def _removal(flag: str, made: Mapping[str, Any]) -> Removal:
    left = tuple(Left(Place(**one["place"]), one["reason"]) for one in made["left"])
    return Removal(flag, made["texts"], tuple(Place(**one) for one in made["removed"]), left)


def _last_line(said: bytes) -> str:
    """The last of what it said, without what may be of a text."""
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].partition(":")[0][:100] if lines else "no reason given"
