"""Carries one rollout in a process of its own, which a test then kills: `python -m tests.flows.carry NAMESPACE ENV_JSON`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from blocks.connections import connected
from flows.roll_out import roll_out
from tests.flows.lab_app import wired


async def main(namespace: str, env: dict[str, Any]) -> None:
    async with wired(env, "carrier") as connections:
        with connected(connections):
            await roll_out(namespace=namespace, canary="shop")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
