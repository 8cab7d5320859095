"""What the demo checks: each row is said on its page, and one that does not hold fails it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.product.chart import FIRST, SECOND

Result = Mapping[str, Any]
AUTHOR = "sluice"
"""Who makes the commits of images, as the ImageUpdateAutomation in lab/apps/cluster says."""


@dataclass(frozen=True)
class Check:
    """One of them.

    Attributes:
        said: what holds, in words for the page.
        holds: whether it does, by what was measured.
    """

    said: str
    holds: Callable[[Result], bool]


def as_wanted(deliveries: Sequence[Result]) -> bool:
    """Whether the good release was promoted and every bad one rolled back."""
    return bool(deliveries) and all(one["verdict"] == one["expected"] for one in deliveries)


def came_by_git(document: Result) -> bool:
    """Whether the image of each delivery came by a commit of sluice's that the Kustomization has applied."""
    ways = [one.get("git", {}) for one in document["deliveries"]]
    return bool(ways) and all(way.get("author") == AUTHOR and way.get("commit") for way in ways)


def git_names_what_runs(document: Result) -> bool:
    """Whether git named what the primary runs after each delivery, rolled back or not."""
    ways = [one.get("git", {}) for one in document["deliveries"]]
    return bool(ways) and all(way.get("runs") and way["runs"] == way.get("git_names") for way in ways)


def released(document: Result, act: str, version: str, revision: str) -> bool:
    """Whether a push of the chart reached users, the HelmRelease is ready, and helm shows that revision."""
    done = document.get("chart", {}).get(act, {})
    shown = {"name": "stock", "revision": revision, "status": "deployed", "chart": f"stock-{version}"}
    served = done.get("push_to_users_s") is not None and str(done.get("ready", "")).startswith("True")
    return served and done.get("helm_lists") == shown


CHECKS = (
    Check("the good release was promoted, each bad one was rolled back", lambda d: as_wanted(d["deliveries"])),
    Check("each image came by a commit of sluice's, which the Kustomization applied", came_by_git),
    Check("git names what runs, also after each rollback", git_names_what_runs),
    Check(
        "a push brought a HelmRelease: it is ready, `helm list` shows revision 1, users had it",
        lambda d: released(d, "installed", FIRST, "1"),
    ),
    Check(
        "a push of the chart upgraded it: it is ready, `helm list` shows revision 2, users had it",
        lambda d: released(d, "upgraded", SECOND, "2"),
    ),
)


def failed(document: Result) -> list[Check]:
    """The checks that do not hold."""
    return [check for check in CHECKS if not check.holds(document)]
