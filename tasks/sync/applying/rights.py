"""The way out where what is in git may not be written: the doctor knows nothing of its kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sluice.errors import ForbiddenError

RIGHTS = "what is in git needs rights of its own: the component `sync`, or a ClusterRole labelled sluice.dev/sync=true"


@contextmanager
def rights_explained() -> Iterator[None]:
    """Name the way out in an error about a missing right."""
    try:
        yield
    except ForbiddenError as error:
        raise ForbiddenError(f"{error}; {RIGHTS}") from error
