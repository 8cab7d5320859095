"""Keeps what a stand-in received, so that a person, the demo and tests can see what arrived and what was refused.

Entries are kept in memory for reading over HTTP (``GET /-/…``) and appended to a file in the state folder for reading
after the stand-in is gone.
"""

import json
import time
from pathlib import Path
from typing import Any


class Journal:
    """An append-only list with a file behind it."""

    def __init__(self, state_dir: Path, name: str) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._path = state_dir / f"{name}.jsonl"
        self._entries: list[dict[str, Any]] = []

    def add(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Keep an entry with the instant it was accepted, and give it back with that instant."""
        kept = {"at": time.time(), **entry}
        self._entries.append(kept)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept) + "\n")
        return kept

    @property
    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)
