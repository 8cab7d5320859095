"""Which ways an automation's commits go: to a branch, or to a pull request; and where a rollback goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sluice.errors import InvalidError
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation
from tasks.images.writing.delivery import Rollbacks

PULL_REQUEST = "sluice.dev/pull-request"
"""Of an ImageUpdateAutomation: `true` proposes the push branch to the branch that was checked out."""
ROLLBACK = "sluice.dev/rollback"
"""Of an ImageUpdateAutomation: how a version that was rolled back is taken out of git."""


class RollbackWay(StrEnum):
    """How a rollback is written back."""

    AS_DELIVERIES = "as-deliveries"
    """As the automation delivers: a commit on its branch, or its pull request."""
    PULL_REQUEST = "pull-request"
    """A pull request of its own."""
    NONE = "none"
    """Not at all: git keeps on naming what does not run, and people read it in the condition."""


@dataclass(frozen=True, slots=True)
class Way:
    """One edit of an automation.

    Attributes:
        rollbacks: which part of the work it does.
        proposed: whether a pull request is made of it.
        branch: that it is pushed to; empty for the automation's own.
    """

    rollbacks: Rollbacks = Rollbacks.TOO
    proposed: bool = False
    branch: str = ""


def ways(automation: ImageUpdateAutomation) -> list[Way]:
    """The ways of an automation, by its annotations.

    Raises:
        InvalidError: an annotation says what is no way.
    """
    notes = automation.metadata.annotations
    proposed = notes.get(PULL_REQUEST, "false").strip().lower()
    if proposed not in ("true", "false", "enabled", "disabled"):
        raise InvalidError(f"{automation}: annotation {PULL_REQUEST} is {proposed!r}; write true or false")
    if proposed in ("true", "enabled") and not automation.spec.git.push.branch:
        raise InvalidError(f"{automation}: annotation {PULL_REQUEST} needs a branch of its own in spec.git.push.branch")
    asked = notes.get(ROLLBACK, RollbackWay.AS_DELIVERIES).strip().lower()
    if asked not in set(RollbackWay):
        raise InvalidError(f"{automation}: annotation {ROLLBACK} is {asked!r}; write one of {', '.join(RollbackWay)}")
    wish, pull = RollbackWay(asked), proposed in ("true", "enabled")
    if wish is RollbackWay.AS_DELIVERIES or (wish is RollbackWay.PULL_REQUEST and pull):
        return [Way(proposed=pull)]
    apart = [Way(Rollbacks.ALONE, proposed=True, branch=f"sluice/rollback-{automation.name}")]
    return [Way(Rollbacks.NOT, proposed=pull), *(apart if wish is RollbackWay.PULL_REQUEST else [])]
