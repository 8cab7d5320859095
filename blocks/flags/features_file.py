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
        path, text = await self._file.text(environment)
        namespace = self.access.namespace(environment)
        now = [text]

        def change(text: str) -> str:
            before = self._find(text, key, environment, path)
            if before is None:
                raise NotFoundError(f"{path} has no flag {key} in namespace {namespace}")
            made = decided(before, wish, seen.version, path)
            now[0] = text if made.nothing else features.edited(text, namespace, key, made, path)
            return now[0]

        if change(text) != text:
            await self._file.write(path, change, f"Flag {key}: {wish}")
        after = self._find(now[0], key, environment, path)
        if after is None:
            raise NotFoundError(f"{path} has no flag {key} in namespace {namespace}")
        return after.state()

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in the file of each environment."""
        for environment in self.access.reference.environments:
            path, text = await self._file.text(environment)
            namespace = self.access.namespace(environment)

            def change(text: str, environment: str = environment, path: str = path, namespace: str = namespace) -> str:
                before = self._find(text, key, environment, path)
                if before is None or before.flag(environment).archived:
                    return text
                return features.edited(text, namespace, key, Edits(archived=True), path)

            if change(text) != text:
                await self._file.write(path, change, f"Flag {key}: archived")

    @property
    def _file(self) -> GitFile:
        return GitFile(self.access, features.NAMES)

    def _find(self, text: str, key: str, environment: str, path: str) -> Definition | None:
        found = features.read(text, self.access.namespace(environment), path)
        return next((one for one in found if one.key == key), None)
