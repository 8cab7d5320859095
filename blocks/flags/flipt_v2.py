"""Flipt v2 by its API of environments (flipt-io/flipt v2.9, `rpc/v2/environments/environments.proto`).

Each write names the revision of the environment that it was decided on; somebody else's change of another flag moves that
too, so a refused write looks at this flag once more before it gives up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.flags.access import Access, listed, part
from sluice.errors import ConflictError, InvalidError, NotFoundError
from sluice.flags.flag import Flag, FlagState, Wish
from sluice.flags.flipt.definition import Definition
from sluice.flags.flipt.edits import Edits, decided
from sluice.flags.flipt.payload import definition, everyone
from sluice.flags.flipt.written import payload

FLAG, SEGMENT = "flipt.core.Flag", "flipt.core.Segment"
TRIES = 5


@dataclass(frozen=True, slots=True)
class FliptV2:
    """The flags of a namespace, in each environment."""

    access: Access

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags, in two answers."""
        where = self._where(environment)
        universal = await self._universal(environment)
        answer = await self.access.read(environment, "GET", f"{self._resources(environment)}/{FLAG}")
        found = [definition(_payload(one, where), universal, where) for one in listed(answer, "resources", where)]
        return tuple(one.flag(environment) for one in sorted(found, key=lambda flag: flag.key))

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag."""
        try:
            return (await self._read(key, environment))[1].flag(environment)
        except NotFoundError:
            return None

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Turn a flag in one write, which only succeeds where nothing moved since it was read."""
        self.access.checked_to_write()
        for _ in range(TRIES):
            answer, before = await self._read(key, environment)
            made = decided(before, wish, seen.version, self._where(environment))
            if made.nothing:
                return before.state()
            if await self._written(key, environment, answer, made):
                return (await self._read(key, environment))[1].state()
        raise ConflictError(f"{self._where(environment)} is changed all the time: flag {key} was not turned")

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in each environment that has it."""
        self.access.checked_to_write()
        for environment in self.access.reference.environments:
            for _ in range(TRIES):
                try:
                    answer, before = await self._read(key, environment)
                except NotFoundError:
                    break
                if before.flag(environment).archived or await self._written(
                    key, environment, answer, Edits(archived=True)
                ):
                    break
            else:
                raise ConflictError(f"{self._where(environment)} is changed all the time: flag {key} was not archived")

    async def _written(self, key: str, environment: str, answer: Any, made: Edits) -> bool:
        """Whether it was written; False where the environment moved meanwhile."""
        body = {
            "key": key,
            "payload": payload(_payload(answer["resource"], self._where(environment)), made) | {"@type": FLAG},
            "revision": answer.get("revision") or "",
        }
        try:
            await self.access.write(environment, "PUT", self._resources(environment), body)
        except ConflictError:
            return False
        return True

    async def _read(self, key: str, environment: str) -> tuple[Any, Definition]:
        """The answer with its revision, and what the flag means.

        Raises:
            NotFoundError: there is none.
        """
        where = self._where(environment)
        answer = await self.access.read(environment, "GET", f"{self._resources(environment)}/{FLAG}/{part(key)}")
        if not isinstance(answer, dict) or not isinstance(answer.get("resource"), dict):
            raise InvalidError(f"{where} does not answer as Flipt v2: there is no resource in its answer")
        raw = _payload(answer["resource"], where)
        named = any(one.get("segments") for one in raw.get("rules") or []) or any(
            one.get("segment") for one in raw.get("rollouts") or []
        )
        universal = await self._universal(environment) if named else frozenset[str]()
        return answer, definition(raw, universal, where)

    async def _universal(self, environment: str) -> frozenset[str]:
        where = self._where(environment)
        answer = await self.access.read(environment, "GET", f"{self._resources(environment)}/{SEGMENT}")
        return everyone(_payload(one, where) for one in listed(answer, "resources", where))

    def _resources(self, environment: str) -> str:
        namespace = part(self.access.namespace(environment))
        return f"/api/v2/environments/{part(environment)}/namespaces/{namespace}/resources"

    def _where(self, environment: str) -> str:
        return f"Flipt's namespace {self.access.namespace(environment)} in {environment}"


def _payload(resource: Any, where: str) -> dict[str, Any]:
    found = resource.get("payload")
    if not isinstance(found, dict):
        raise InvalidError(f"{where} does not answer as Flipt v2: a resource has no payload")
    return found
