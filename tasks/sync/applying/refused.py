"""Refusals of the API server, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sluice.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError
from sluice.sync.applying.refusals import about_rights, masked, passing

RIGHTS = "what is in git needs rights of its own: the component `sync`, or a ClusterRole labelled sluice.dev/sync=true"


@contextmanager
def refusals_explained(manifest: dict[str, Any]) -> Iterator[None]:
    """Mask what is secret in an error about an object, name the way out, and tell what passes from what does not.

    The original error goes no further: its text may quote a Secret, and tracebacks go where many people read.
    """
    try:
        yield
    except ForbiddenError as error:
        said = masked(manifest, str(error))
        if passing(said):
            raise TransientError(said) from None
        raise (ForbiddenError(f"{said}; {RIGHTS}") if about_rights(said) else InvalidError(said)) from None
    except (ConflictError, NotFoundError, InvalidError) as error:
        raise type(error)(masked(manifest, str(error))) from None
    except TransientError as error:
        raise TransientError(masked(manifest, str(error)), retry_after=error.retry_after) from None
    except TerminalError as error:
        raise TerminalError(masked(manifest, str(error))) from None
