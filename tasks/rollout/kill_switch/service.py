"""The flag service of a kill switch, as a stage speaks to it: each exchange is bounded, and ends in a reason."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from blocks.connections import Connections
from blocks.flags.base import FlagService
from sluice.errors import LostError, SluiceError, TransientError, reason_of
from sluice.flags.flag import OFF, Flag, FlagState
from sluice.manifests.own.flag_service import FlagServiceReference

log = logging.getLogger("sluice.rollout")
LONGEST = 3.0
"""Seconds that the service may take to say what it has, and to turn flags off: users suffer meanwhile."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Turned:
    """What came of turning flags off.

    Attributes:
        states: of those that the service says are off.
        refused: why others are not, or may not be.
    """

    states: Mapping[str, FlagState]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Switchboard:
    """The flags of one service in one environment."""

    service: FlagService
    environment: str

    @classmethod
    async def of(
        cls, wired: Connections, reference: FlagServiceReference, environment: str, namespace: str
    ) -> Switchboard:
        """The board of a service that an object of the namespace names; errors are those of `found`."""
        return cls(await bounded(wired.flags(reference, namespace), reference), environment)

    async def found(self, keys: Sequence[str], reference: FlagServiceReference) -> dict[str, Flag | None]:
        """What the service has of each key; None where it has none.

        Raises:
            SluiceError: it is away, slow, or refuses.
        """
        asked = asyncio.gather(*(self.service.flag(key, self.environment) for key in keys))
        return dict(zip(keys, await bounded(asked, reference), strict=True))

    async def turn_off(self, seen: Mapping[str, FlagState], reference: FlagServiceReference) -> Turned:
        """Turn each flag off from the state that it was seen in; what cannot be is said, not raised."""
        asked = [
            bounded(self.service.turn(key, self.environment, OFF, state), reference) for key, state in seen.items()
        ]
        states: dict[str, FlagState] = {}
        refused: dict[str, str] = {}
        for key, result in zip(seen, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(result, FlagState):
                states[key] = result
            elif isinstance(result, Exception):
                refused[key] = reason_of(result)
            else:
                raise result
        return Turned(states, refused)


async def bounded(asked: Awaitable[T], reference: FlagServiceReference) -> T:
    """What comes of an exchange with the service, within `LONGEST`.

    Raises:
        SluiceError: nothing did; the message says why.
    """
    try:
        async with asyncio.timeout(LONGEST):
            return await asked
    except TimeoutError as error:
        raise TransientError(f"{reference.type} at {reference.address} did not answer within {LONGEST:g} s") from error
    except (SluiceError, LostError):
        raise
    except Exception as error:
        log.exception("%s at %s", reference.type, reference.address)
        raise TransientError(reason_of(error)) from error
