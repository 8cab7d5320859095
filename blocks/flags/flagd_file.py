"""flagd's flag definitions in git: a flag is turned by a commit, which flagd picks up as it does any other."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.flags.access import Access
from blocks.flags.git_file import GitFile
from sluice.errors import NotFoundError, StaleError, TerminalError
from sluice.flags.files import flagd
from sluice.flags.flag import Flag, FlagState, Wish


@dataclass(frozen=True, slots=True)
class FlagdFile:
    """The flags of the file of each environment; it has no namespaces."""

    access: Access

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags of the file."""
        path, text = await self._file.text(environment)
        return tuple(sorted(flagd.read(text, environment, path), key=lambda flag: flag.key))

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag."""
        path, text = await self._file.text(environment)
        return _find(text, key, environment, path)

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Turn a flag by a commit; where the file moved meanwhile, only if this flag did not."""
        after: list[FlagState] = []

        def change(path: str, text: str) -> str:
            now = _turned(text, key, environment, wish, seen, path)
            after[:] = [_found(now, key, environment, path).environments[environment]]
            return now

        await self._file.write(environment, change, f"Flag {key}: {wish}")
        return after[0]

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in the file of each environment."""
        for environment in self.access.reference.environments:

            def change(path: str, text: str, environment: str = environment) -> str:
                before = _find(text, key, environment, path)
                return text if before is None or before.archived else flagd.archived(text, key, path)

            await self._file.write(environment, change, f"Flag {key}: archived")

    @property
    def _file(self) -> GitFile:
        return GitFile(self.access, flagd.NAMES)


def _find(text: str, key: str, environment: str, path: str) -> Flag | None:
    return next((one for one in flagd.read(text, environment, path) if one.key == key), None)


def _found(text: str, key: str, environment: str, path: str) -> Flag:
    found = _find(text, key, environment, path)
    if found is None:
        raise NotFoundError(f"{path} has no flag {key}")
    return found


def _turned(text: str, key: str, environment: str, wish: Wish, seen: FlagState, path: str) -> str:
    """The text in which the flag is as wished.

    Raises:
        StaleError: it would be changed, and is not as it was seen.
    """
    state = _found(text, key, environment, path).environments[environment]
    stale = StaleError(f"flag {key} of {path} was changed by somebody else: it is {state.served}")
    try:
        now = flagd.edited(text, key, wish, path)
    except TerminalError:
        if state.version == seen.version:
            raise
        raise stale from None
    if now != text and state.version != seen.version:
        raise stale
    return now
