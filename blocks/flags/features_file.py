"""Flipt's declarative `features.yml` in git: a flag is turned by a commit that changes the lines that it must."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.flags.access import Access
from blocks.flags.git_file import GitFile
from sluice.errors import NotFoundError
from sluice.flags.files import features
from sluice.flags.flag import Flag, FlagState, Wish
from sluice.flags.flipt.definition import Definition
from sluice.flags.flipt.edits import Edits, decided


@dataclass(frozen=True, slots=True)
class FeaturesFile:
    """The flags of a namespace, in the file of each environment."""

    access: Access

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags of the file."""
        path, text = await self._file.text(environment)
        found = features.read(text, self.access.namespace(environment), path)
        return tuple(one.flag(environment) for one in sorted(found, key=lambda flag: flag.key))

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag."""
        path, text = await self._file.text(environment)
        found = self._find(text, key, environment, path)
        return found.flag(environment) if found else None

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Turn a flag by a commit; where the file moved meanwhile, only if this flag did not."""
        namespace = self.access.namespace(environment)
        after: list[Definition] = []

        def change(path: str, text: str) -> str:
            before = self._found(text, key, environment, path)
            made = decided(before, wish, seen.version, path)
            now = text if made.nothing else features.edited(text, namespace, key, made, path)
            after[:] = [self._found(now, key, environment, path)]
            return now

        await self._file.write(environment, change, f"Flag {key}: {wish}")
        return after[0].state()

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in the file of each environment."""
        for environment in self.access.reference.environments:

            def change(path: str, text: str, environment: str = environment) -> str:
                before = self._find(text, key, environment, path)
                if before is None or before.flag(environment).archived:
                    return text
                return features.edited(text, self.access.namespace(environment), key, Edits(archived=True), path)

            await self._file.write(environment, change, f"Flag {key}: archived")

    @property
    def _file(self) -> GitFile:
        return GitFile(self.access, features.NAMES)

    def _find(self, text: str, key: str, environment: str, path: str) -> Definition | None:
        found = features.read(text, self.access.namespace(environment), path)
        return next((one for one in found if one.key == key), None)

    def _found(self, text: str, key: str, environment: str, path: str) -> Definition:
        found = self._find(text, key, environment, path)
        if found is None:
            raise NotFoundError(f"{path} has no flag {key} in namespace {self.access.namespace(environment)}")
        return found
