"""What GitHub's suites have in common: how its API is asked, and what it calls an end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blocks.suites.asking import Asking, token_of
from blocks.suites.base import Launch, Progress, Reach
from sluice.gates.suite import Outcome
from sluice.manifests.own.gates.suite import SecretKey

OWN = "https://api.github.com"
VERSION = "2026-03-10"
CONCLUSIONS: Mapping[str, Outcome] = {
    "success": Outcome.PASSED,
    "failure": Outcome.FAILED,
    "neutral": Outcome.FAILED,
    "skipped": Outcome.FAILED,
    "action_required": Outcome.FAILED,
    "cancelled": Outcome.BROKEN,
    "startup_failure": Outcome.BROKEN,
    "timed_out": Outcome.BROKEN,
    "stale": Outcome.BROKEN,
}
"""What a run that is completed came to; one that ran no test has not passed."""


def concluded(conclusion: Any, what: str, url: str) -> Progress:
    """What a conclusion of GitHub's means."""
    outcome = CONCLUSIONS.get(str(conclusion), Outcome.BROKEN)
    return Progress(outcome, "" if outcome is Outcome.PASSED else f"{what} ended as {conclusion} at GitHub", url)


async def api_of(reach: Reach, launch: Launch, repository: str, address: str, secret: SecretKey | None) -> Asking:
    """The API of a repository, with the login of a Secret where one is named."""
    headers = {"Accept": "application/vnd.github+json"}
    if address.rstrip("/") == OWN:
        headers["X-GitHub-Api-Version"] = VERSION  # a server of one's own refuses a version that it does not know
    token, where = await token_of(reach, launch, secret) if secret else (None, "secretRef")
    if token:
        headers["Authorization"] = f"Bearer {token.get_secret_value()}"
    return Asking(reach.http, "GitHub", f"{address.rstrip('/')}/repos/{repository}", headers, token, where)
