"""Say: post a message that is about no rollout."""

from __future__ import annotations

from blocks.connections import connections
from sluice.notices.message import Message
from tasks.stage import stage


@stage("say", run_name="say: {message.subject} {message.occasion}", delays=[1.0, 4.0])
async def say(message: Message) -> bool:
    """Post to the channel; False where this installation has none."""
    chat = connections().chat
    if chat is None:
        return False
    await chat.say(message)
    return True
