"""Flipt v1 by its REST API (flipt-io/flipt v1.61, `rpc/flipt/flipt.proto`).

It has no environments: an environment is a server or a namespace of its own, by `{environment}` in the connection. It has no
fence either: a flag is read right before it is written, and once more after: what somebody changes in the moment between is
overwritten where it is the same field, and a flag that is not as it was wished by then is an error, never a success.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from blocks.flags.access import MOST_PAGES, Access, listed, part
from sluice.errors import ConflictError, InvalidError, NotFoundError
from sluice.flags.flag import Flag, FlagState, Wish
from sluice.flags.flipt.definition import Definition
from sluice.flags.flipt.edits import Edits, decided, fulfilled
from sluice.flags.flipt.payload import everyone, of_snapshot, of_v1
from sluice.flags.flipt.written import switched, threshold

PAGE = "100"
VERSION = {"X-Flipt-Accept-Server-Version": "1.61.0"}
"""A server that believes to speak to an older client leaves default variants out."""


@dataclass(frozen=True, slots=True)
class Flipt:
    """The flags of a namespace."""

    access: Access

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags: their list page by page, and who gets what of all of them by the snapshot for evaluation."""
        where = self._where(environment)
        raw = await self._pages(environment, f"{self._namespace(environment)}/flags", "flags")
        if not raw:
            return ()
        path = f"/internal/v1/evaluation/snapshot/namespace/{part(self.access.namespace(environment))}"
        shot = await self.access.read(environment, "GET", path)
        shots = {str(one.get("key")): one for one in listed(shot, "flags", where)}
        found = {}
        for one in raw:
            key = one.get("key")
            if not isinstance(key, str) or not key:
                raise InvalidError(f"{where} lists a flag without a key")
            # One that was made between the two calls has no rules yet.
            flag = of_snapshot(one, shots.get(key) or {}, where)
            # The snapshot has no descriptions, by which sluice knows the rollout that covers all others.
            found[key] = (await self._read(key, environment))[1] if _may_be_covered(flag) else flag
        return tuple(found[key].flag(environment) for key in sorted(found))

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag."""
        try:
            return (await self._read(key, environment))[1].flag(environment)
        except NotFoundError:
            return None

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Turn a flag by as many calls as that needs, in an order in which no user gets what neither state gives."""
        self.access.checked_to_write()
        raw, before = await self._read(key, environment)
        made = decided(before, wish, seen.version, self._where(environment))
        if made.nothing:
            return before.state()
        await self._make(key, environment, raw, before, made)
        after = (await self._read(key, environment))[1]
        if not fulfilled(after, wish):
            raise ConflictError(
                f"flag {key} of {self._where(environment)} was turned to {wish}, and somebody else changed it at that very "
                f"moment: it is {after.served()}"
            )
        return after.state()

    async def archive(self, key: str) -> None:
        """Mark the flag's metadata, in each environment that has it."""
        self.access.checked_to_write()
        for environment in self.access.reference.environments:
            try:
                raw, before = await self._read(key, environment)
            except NotFoundError:
                continue
            if not before.flag(environment).archived:
                await self._make(key, environment, raw, before, Edits(archived=True))

    async def _read(self, key: str, environment: str) -> tuple[dict[str, Any], Definition]:
        """The flag as it came, and what it means.

        Raises:
            NotFoundError: there is none.
        """
        path = f"{self._namespace(environment)}/flags/{part(key)}"
        raw = await self.access.read(environment, "GET", path)
        rules = await self._pages(environment, f"{path}/rules", "rules")
        rollouts = await self._pages(environment, f"{path}/rollouts", "rules")  # that is what the answer calls them
        segments: Iterable[Any] = ()
        if rules or any(one.get("segment") for one in rollouts):
            segments = await self._pages(environment, f"{self._namespace(environment)}/segments", "segments")
        return raw, of_v1(raw, rules, rollouts, everyone(segments), self._where(environment))

    async def _make(self, key: str, environment: str, raw: dict[str, Any], before: Definition, made: Edits) -> None:
        path = f"{self._namespace(environment)}/flags/{part(key)}"
        ids = [one.id for one in before.rollouts]
        if made.percentage is not None:
            at, percent = made.percentage
            body = threshold(before.rollouts[at].model_copy(update={"percentage": percent}))
            await self.access.write(environment, "PUT", f"{path}/rollouts/{part(ids[at])}", body)
        if made.parts is not None:
            await self._share_out(environment, path, raw, before, made.parts)
        if (new := made.first or made.last) is not None:
            highest = await self._highest(environment, path)
            answer = await self.access.write(
                environment, "POST", f"{path}/rollouts", threshold(new) | {"rank": highest + 1}
            )
            if made.first is not None and ids:
                await self._order(environment, path, [str(answer.get("id")), *ids])
        if made.lead is not None:
            await self._order(environment, path, [ids[made.lead], *(one for one in ids if one != ids[made.lead])])
        if made.enabled is not None or made.archived is not None:
            await self.access.write(environment, "PUT", path, switched(raw, made))
        if made.drop is not None:
            await self.access.write(environment, "DELETE", f"{path}/rollouts/{part(ids[made.drop])}")

    async def _share_out(
        self, environment: str, path: str, raw: dict[str, Any], before: Definition, parts: tuple[int, dict[str, float]]
    ) -> None:
        """What gets less goes first: at no moment the parts are more than all users."""
        rule, variants = before.rules[parts[0]], {one["key"]: one["id"] for one in raw["variants"]}
        for one in sorted(rule.parts, key=lambda part: parts[1][part.variant] - part.rollout):
            if one.rollout == parts[1][one.variant]:
                continue
            body = {"variantId": variants[one.variant], "rollout": parts[1][one.variant]}
            where = f"{path}/rules/{part(rule.id)}/distributions/{part(one.id)}"
            await self.access.write(environment, "PUT", where, body)

    async def _order(self, environment: str, path: str, ids: list[str]) -> None:
        await self.access.write(environment, "PUT", f"{path}/rollouts/order", {"rolloutIds": ids})

    async def _highest(self, environment: str, path: str) -> int:
        """The highest rank of a rollout: a rank that is taken is refused."""
        found = await self._pages(environment, f"{path}/rollouts", "rules")
        return max((int(one.get("rank") or 0) for one in found), default=0)

    async def _pages(self, environment: str, path: str, name: str) -> list[Any]:
        """A whole list; a server that repeats itself is no reason to ask for ever."""
        found: list[Any] = []
        token = ""
        for _ in range(MOST_PAGES):
            query = {"limit": PAGE} | ({"pageToken": token} if token else {})
            answer = await self.access.read(environment, "GET", path, **query)
            found += listed(answer, name, self._where(environment))
            following = str(answer.get("nextPageToken") or "")
            if not following:
                return found
            if following == token:
                break
            token = following
        raise InvalidError(f"{self._where(environment)} gives page after page of {path}, {len(found):,} so far")

    def _namespace(self, environment: str) -> str:
        return f"/api/v1/namespaces/{part(self.access.namespace(environment))}"

    def _where(self, environment: str) -> str:
        return f"Flipt's namespace {self.access.namespace(environment)}"


def _may_be_covered(flag: Definition) -> bool:
    first = flag.rollouts[0] if flag.rollouts else None
    return first is not None and first.percentage == 100.0 and not first.value


def flipt(access: Access) -> Flipt:
    """Flipt v1 by a connection."""
    return Flipt(_with(access))


def _with(access: Access) -> Access:
    return Access(
        reference=access.reference,
        http=access.http,
        token=access.token,
        from_where=access.from_where,
        headers={**access.headers, **VERSION},
    )
