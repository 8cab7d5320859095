"""How long others ask us to wait."""

from __future__ import annotations

import math
from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's `Retry-After` asks for (RFC 9110); None where it names a date or nothing sensible."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
