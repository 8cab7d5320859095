"""The two roots of every error that sluice raises on purpose.

A stage that fails either can or cannot be helped by asking again. Saying which at the place that knows is what lets one
place (`tasks.stage`) map errors to Prefect's retries, and keeps client libraries' exceptions out of flows.
"""

from __future__ import annotations

import traceback


class SluiceError(Exception):
    """Root of all errors of sluice. The message names what failed, who said so, and the way out."""


class TerminalError(SluiceError):
    """Asking again will not help: bad input, a refused credential, an object that is not there."""


class NotFoundError(TerminalError):
    """The named object does not exist."""


class ForbiddenError(TerminalError):
    """A right is missing. The message names the act and what it was to be done on."""


class InvalidError(TerminalError):
    """Input from outside does not have the form it must have. The message names the field and the way out."""


class UnverifiedError(TerminalError):
    """What a source brought has no signature of somebody who is trusted: it is not deployed.

    Attributes:
        reason: in Flux's words, for a condition.
    """

    def __init__(self, message: str, *, reason: str = "VerificationError") -> None:
        super().__init__(message)
        self.reason = reason


class StaleError(TerminalError):
    """What an act was decided on is no longer so. Repeating the act is wrong; looking and deciding again is right."""


class TransientError(SluiceError):
    """Asking again may help: a timeout, a conflict, an overloaded or absent service.

    Attributes:
        retry_after: seconds that the other side asked us to wait; None where it did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConflictError(TransientError):
    """Somebody else changed the object since it was read: read it again, decide again."""


class LostError(SluiceError):
    """The right to act on a Canary is gone or cannot be proven now: nothing may be written."""


def reason_of(error: Exception) -> str:
    """What people read of an error that ends a release: our own sentence, or where a fault of sluice's is.

    The text of an error that nobody wrote for people may have anything in it, and goes where many people read.
    """
    if isinstance(error, SluiceError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {last[0].filename.rpartition('/')[2]}:{last[0].lineno}" if last else ""
    return f"a fault of sluice: {type(error).__name__}{where}: report it, with the traceback in the worker's log"
