"""Calls of senders, as tests make them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from sluice.events.call import Call

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
"""When calls arrive."""


def call(body: Any, headers: Mapping[str, str] | None = None, at: datetime = NOW, **query: str) -> Call:
    """A call with a body, which is JSON unless it is bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call(httpx.Headers(dict(headers or {}), encoding="utf-8"), at, body=raw, query=query)
