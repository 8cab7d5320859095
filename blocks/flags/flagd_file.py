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
        path, text = await self._file.text(environment)
        now = [text]

        def change(text: str) -> str:
            before = _find(text, key, environment, path)
            if before is None:
                raise NotFoundError(f"{path} has no flag {key}")
            state = before.environments[environment]
            try:
                now[0] = flagd.edited(text, key, wish, path)
            except TerminalError:
                if state.version == seen.version:
                    raise
                now[0] = ""
            if now[0] != text and state.version != seen.version:
                raise StaleError(f"flag {key} of {path} was changed by somebody else: it is {state.served}")
            return now[0]

        if change(text) != text:
            await self._file.write(path, change, f"Flag {key}: {wish}")
        after = _find(now[0], key, environment, path)
        if after is None:
            raise NotFoundError(f"{path} has no flag {key}")
        return after.environments[environment]

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in the file of each environment."""
        for environment in self.access.reference.environments:
            path, text = await self._file.text(environment)

            def change(text: str, environment: str = environment, path: str = path) -> str:
                before = _find(text, key, environment, path)
                return text if before is None or before.archived else flagd.archived(text, key, path)

            if change(text) != text:
                await self._file.write(path, change, f"Flag {key}: archived")

    @property
    def _file(self) -> GitFile:
        return GitFile(self.access, flagd.NAMES)


def _find(text: str, key: str, environment: str, path: str) -> Flag | None:
    return next((one for one in flagd.read(text, environment, path) if one.key == key), None)
