"""Any service that speaks OFREP, OpenFeature's protocol of remote evaluation (`/ofrep/v1`): read only.

It answers what one user gets and why. Who else gets that is known only of a flag that says STATIC: it has no rules at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from blocks.flags.access import Access, listed, part
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.flags.flag import FALSE, TRUE, Flag, FlagKind, FlagState, Served, Wish

PROBE = {"context": {"targetingKey": "sluice"}}
STATIC, DISABLED = "STATIC", "DISABLED"


@dataclass(frozen=True, slots=True)
class Ofrep:
    """The flags that a service evaluates."""

    access: Access

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All flags that the service evaluates for a user whom no rule knows."""
        answer = await self.access.read(environment, "POST", "/ofrep/v1/evaluate/flags", PROBE)
        found = [_flag(one, environment) for one in listed(answer, "flags", "the OFREP service")]
        return tuple(sorted(found, key=lambda flag: flag.key))

    async def flag(self, key: str, environment: str) -> Flag | None:
        """One flag."""
        try:
            answer = await self.access.read(environment, "POST", f"/ofrep/v1/evaluate/flags/{part(key)}", PROBE)
        except NotFoundError:
            return None
        return _flag({"key": key, **answer} if isinstance(answer, dict) else answer, environment)

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        """Refused: the protocol only evaluates."""
        raise TerminalError(f"flag {key} cannot be turned: {_ONLY_READ}")

    async def archive(self, key: str) -> None:
        """Refused: the protocol only evaluates."""
        raise TerminalError(f"flag {key} cannot be archived: {_ONLY_READ}")


_ONLY_READ = (
    "OFREP only evaluates; name the service or the file behind it in spec.service (flipt, flipt-v2, flagd-file)"
)


def _flag(raw: Any, environment: str) -> Flag:
    if not isinstance(raw, dict) or not isinstance(raw.get("key"), str):
        raise InvalidError("the OFREP service gives a flag without a key")
    value, reason = raw.get("value"), str(raw.get("reason") or "")
    boolean = isinstance(value, bool)
    shown = (TRUE if value else FALSE) if boolean else str(raw.get("variant") or "")
    served = Served(everybody=shown or None) if reason == STATIC else Served(rules=reason != DISABLED)
    return Flag(
        key=raw["key"],
        kind=FlagKind.BOOLEAN if boolean else FlagKind.VARIANT,
        environments={
            environment: FlagState(
                enabled=reason != DISABLED and "errorCode" not in raw,
                served=served,
                version=hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:32],
            )
        },
        variants=() if boolean or not shown else (shown,),
    )
