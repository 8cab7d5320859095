"""The messages by which Gates ask people in chat: posted and changed next to releases, which wait for no chat."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from blocks.gates.kinds.base import Board
from sluice.errors import NotFoundError, SluiceError, TransientError
from sluice.notices.message import Message
from sluice.recent import Recent

log = logging.getLogger("sluice.gates")
MOST = 5000
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 6, 1.0, 60.0
"""Tries of one message, and seconds between them."""
WITHIN = 30.0
"""Seconds that a chat has for one answer."""
A_MOMENT = 0.4
"""Seconds that a release waits for the chat, once for each question, so that its journal knows the message at once."""
AGAIN_AFTER = 300.0
"""Seconds after which a message that no try brought into chat is tried once more."""


@dataclass(slots=True)
class Messages:
    """The messages of this process, by what they are about.

    Attributes:
        board: the chat.
    """

    board: Board
    posted: Recent[str, str] = field(default_factory=lambda: Recent(MOST))
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _failed: Recent[str, float] = field(default_factory=lambda: Recent(MOST))

    def waits(self, key: str) -> bool:
        """Whether a message is on its way, or was refused just now."""
        failed = self._failed.get(key)
        resting = failed is not None and asyncio.get_running_loop().time() - failed < AGAIN_AFTER
        return key in self._under_way or resting

    def show(self, key: str, known: str, message: Message) -> None:
        """Let the message of this key say this from now on; the first time it is posted.

        Args:
            key: what it is about.
            known: what the chat knows it by, from the journal; empty where it was never posted.
            message: what it is to say.
        """
        before = self._under_way.get(key)
        task = asyncio.create_task(self._shown(key, known, message, before))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._under_way.pop(key) if self._under_way.get(key) is done else None)

    async def soon(self, key: str) -> str:
        """What the chat knows a message by, where it says so within a moment; empty where it does not."""
        if task := self._under_way.get(key):
            await asyncio.wait({task}, timeout=A_MOMENT)
        return self.posted.get(key, "")

    async def _shown(self, key: str, known: str, message: Message, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})  # two changes of one message come in their order
        self._failed.pop(key, None)
        for tried in range(TRIES):
            try:
                async with asyncio.timeout(WITHIN):
                    await self._once(key, self.posted.get(key) or known, message)
                return
            except (TransientError, TimeoutError) as error:
                asked = error.retry_after if isinstance(error, TransientError) else None
                await asyncio.sleep(min(asked or FIRST_PAUSE * 2**tried, LONGEST_PAUSE))
            except SluiceError as error:
                log.warning("a gate's message is not in chat: %s", error)
                break
        self._failed[key] = asyncio.get_running_loop().time()

    async def _once(self, key: str, posted: str, message: Message) -> None:
        try:
            if posted:
                await self.board.change(posted, message)
                return
        except NotFoundError:
            if not message.choices:
                return  # deleted by somebody, and nothing is asked any more
        self.posted[key] = await self.board.say(message)
