"""Users' regular expressions: RE2, which Flux, Prometheus and Go speak, in time that is linear in the text.

Python's own would let one pattern and one tag hold a worker, and every rollout in it, for minutes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from sluice.errors import InvalidError

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


@lru_cache(maxsize=1024)
def compiled(pattern: str, field: str) -> Any:
    """A pattern, compiled: it has `search` and `fullmatch` as Python's have.

    Args:
        pattern: as in the manifest.
        field: the manifest's field, for the error.

    Raises:
        InvalidError: it is not one of RE2's, or too large.
    """
    try:
        return re2.compile(pattern, options=_OPTIONS)
    except re2.error as error:
        why = error.args[0] if error.args else "?"
        said = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        raise InvalidError(
            f"{field} {pattern!r} is no regular expression of RE2 (https://github.com/google/re2/wiki/Syntax): {said}"
        ) from None


@lru_cache(maxsize=4096)
def matches(pattern: str, text: str, field: str) -> bool:
    """Whether a pattern matches the whole of a text; labels are few, and asked about at every scrape.

    Raises:
        InvalidError: as `compiled`.
    """
    return compiled(pattern, field).fullmatch(text) is not None
