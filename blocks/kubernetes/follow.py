"""Follow a collection: know of every change, whatever breaks, without asking for it.

Watching instead of polling makes sluice react within milliseconds and costs the API server one request instead of one
per look.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.waits import pauses
from sluice.errors import ConflictError, SluiceError, TransientError

Object = dict[str, Any]
log = logging.getLogger("sluice.follow")
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds before a broken watch is begun again."""
DEAF = 3
"""Watches in a row that broke with nothing heard, after which a list is asked for: the version may be what breaks them."""
ABSENT_PAUSE = 30.0
"""Seconds between two looks whether a kind that the cluster does not serve is installed by now."""


@dataclass(frozen=True, slots=True)
class News:
    """What is there now: all objects after a list (`whole`), else the one that changed, or that is gone.

    Attributes:
        version: the collection's resourceVersion that a list was made at; 0 for a change. Of a kind that the cluster does
            not serve it is later than any.
    """

    objects: list[Object]
    whole: bool = False
    gone: bool = False
    version: int = 0


async def news(
    cluster: Cluster,
    kind: Kind,
    namespace: str | None = None,
    labels: str | None = None,
    waiting: Callable[[SluiceError], object] = lambda _: None,
    heard_of: Callable[[], object] = lambda: None,
) -> AsyncGenerator[News]:
    """Follow a collection for ever: a list first, then each change.

    A watch that ends or breaks is resumed from the last version seen; where that is too old, a list closes the gap. The
    cluster may be away for as long as it likes. Of a kind that is not installed there are no objects until it is.

    Args:
        cluster: where.
        kind: of the objects.
        namespace: of the objects; None for all.
        labels: a label selector.
        waiting: gets each error that following waits for to pass.
        heard_of: called at each sign that nothing is missed, after the news of it: a list, a change, a bookmark.
    """
    waits, version, absent, deaf = pauses(FIRST_PAUSE, LONGEST_PAUSE), "", False, 0
    while True:
        heard, asked = False, 0.0
        try:
            if not version:
                objects, version = await cluster.list_from(kind, namespace, labels)
                yield News(objects, whole=True, version=int(version) if version else sys.maxsize)
                heard_of()
            if not version:
                if not absent:
                    log.info("%s of %s are not installed; looked for now and then", kind.plural, kind.api_version)
                absent = True
                await asyncio.sleep(ABSENT_PAUSE * random.uniform(0.5, 1.5))
                continue
            absent = False
            async for change in cluster.watch(kind, version, namespace, labels):
                version, heard = change.object["metadata"]["resourceVersion"], True
                if change.type != "BOOKMARK":
                    yield News([change.object], gone=change.type == "DELETED")
                heard_of()
        except ConflictError:
            version, heard = "", False  # a list after each event would be a storm: it backs off
        except TransientError as error:
            log.warning("following %s waits: %s", kind.plural, error)
            waiting(error)
            asked, deaf = error.retry_after or 0.0, 0 if heard else deaf + 1
            version = "" if deaf >= DEAF else version
        except SluiceError as error:
            # Also what asking again seldom helps: the right to watch was not given yet, the kind went, or a proxy stands in
            # the server's place. A list says which.
            log.warning("following %s waits: %s", kind.plural, error)
            waiting(error)
            version, heard = "", False
        if heard:
            waits, deaf = pauses(FIRST_PAUSE, LONGEST_PAUSE), 0
        await asyncio.sleep(asked + next(waits))


async def follow(
    cluster: Cluster,
    kind: Kind,
    take: Callable[[News], None],
    namespace: str | None = None,
    labels: str | None = None,
    waiting: Callable[[SluiceError], object] = lambda _: None,
    heard_of: Callable[[], object] = lambda: None,
) -> None:
    """Give all news of a collection to `take`, until cancelled.

    An error that nobody expected, in following or in `take`, must not leave a reader with what was true at that moment:
    it is logged with its trace, `waiting` gets it, and following begins once more with a list. `heard_of` is as for `news`.
    """
    waits, working = pauses(FIRST_PAUSE, LONGEST_PAUSE), 0
    while True:
        try:
            async with aclosing(news(cluster, kind, namespace, labels, waiting, heard_of)) as changes:
                async for change in changes:
                    take(change)
                    working += 1
                    if working > 1:  # not after the list alone, which may be followed by the same error at once
                        waits = pauses(FIRST_PAUSE, LONGEST_PAUSE)
        except Exception as error:
            working = 0
            log.exception("following %s broke; it begins once more with a list", kind.plural)
            waiting(TransientError(f"following {kind.plural} broke: {error!r}"))
        await asyncio.sleep(next(waits))
