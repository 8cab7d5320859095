"""What the demo checks: each row is said on its page, and one that does not hold fails it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.demo.gates.chapter import went_through
from lab.product.chart import FIRST, SECOND
from lab.product.measure import PROMOTED

Result = Mapping[str, Any]
AUTHOR = "sluice"
"""Who makes the commits of images, as the ImageUpdateAutomation in lab/apps/cluster says."""


OFF_S, ERRORS_END_S = 5.0, 5.0
"""Seconds from the judge's verdict to the flag being off at its service, and from there to users' last error: the shop
evaluates its flag each second, and requests that are under way end."""


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


def switched_off(document: Result) -> bool:
    """Whether the flag of the bad feature went off within seconds, users' errors with it, and its release was promoted."""
    flags = document.get("flags", {})
    done = flags.get("killed", {})
    if not done:
        return bool(flags.get("skipped"))
    off, last = done.get("verdict_to_off_s"), done.get("off_to_last_error_s")
    went_on = done["verdict"] == PROMOTED and done["state"] == "recovered" and done["off_at_the_end"]
    in_time = off is not None and off <= OFF_S and last is not None and last <= ERRORS_END_S
    return bool(went_on and in_time and done["failed_requests"] > 0)


def removed(document: Result) -> bool:
    """Whether the pull request left nothing of the flag, and the flag was archived after its deployment and not before."""
    flags = document.get("flags", {})
    done = flags.get("removed", {})
    if not done:
        return bool(flags.get("skipped"))
    proposed = bool(done["pull_request"]) and done["lines_removed"] > 0 and done["left_in_code"] == 0
    return proposed and not done["named_in_deployed_code"] and done["archived"] and not done["archived_before_merge"]


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
    Check(
        f"a bad feature behind a flag: the flag was off within {OFF_S:.0f} s, users' errors ended, its release was promoted",
        switched_off,
    ),
    Check(
        "a flag that is done: its removal was proposed, merged and deployed, and the flag archived only then",
        removed,
    ),
    Check(
        "a release waited for a freeze, for one end-to-end suite and for an approval, and no user lost a request",
        lambda d: went_through(d["gates"]) if d.get("gates") else bool(d.get("flags", {}).get("skipped")),
    ),
)


def failed(document: Result) -> list[Check]:
    """The checks that do not hold."""
    return [check for check in CHECKS if not check.holds(document)]
