"""A check run or status of a commit at GitHub: something else makes it, and it is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from blocks.suites.asking import Asking, https, listed
from blocks.suites.base import Launch, Progress, Reach, Started
from blocks.suites.github import api_of, concluded
from sluice.errors import NotFoundError
from sluice.gates.suite import Outcome
from sluice.manifests.own.gates.suite import GitHubCheckSuite

STATES = {"success": Outcome.PASSED, "failure": Outcome.FAILED, "error": Outcome.BROKEN}
"""What a status of a commit says; pending is none of them."""


@dataclass(frozen=True, slots=True)
class GitHubCheck:
    """The newest check of a name on a commit."""

    reach: Reach
    settles: float = 0.0

    async def start(self, launch: Launch) -> Started:
        """Nothing is started."""
        return Started(launch.filled(_spec(launch).ref, "githubCheck.ref"))

    async def find(self, launch: Launch) -> Started | None:
        """What it waits for, always."""
        return await self.start(launch)

    async def progress(self, launch: Launch, run: str) -> Progress:
        spec = _spec(launch)
        api = await api_of(self.reach, launch, spec.repository, spec.address, spec.secret_ref)
        commit = f"/commits/{quote(run, safe='')}"
        try:
            answer = await api.ask("GET", f"{commit}/check-runs", check_name=spec.check, filter="latest")
        except NotFoundError:
            return Progress(Outcome.RUNNING, f"{spec.repository} has no commit {run} yet, or the token may not see it")
        checks = sorted(listed(answer, "check_runs", "GitHub"), key=lambda one: int(one.get("id") or 0))
        if not checks:
            return await self._status(api, commit, spec)
        newest = checks[-1]
        url = https(newest.get("html_url"))
        if newest.get("status") != "completed":
            return Progress(Outcome.RUNNING, url=url)
        return concluded(newest.get("conclusion"), f"check {spec.check}", url)

    async def _status(self, api: Asking, commit: str, spec: GitHubCheckSuite) -> Progress:
        """What older services write: a status, by its context."""
        statuses = listed(await api.ask("GET", f"{commit}/status", per_page="100"), "statuses", "GitHub")
        found: Mapping[str, Any] | None = next((one for one in statuses if one.get("context") == spec.check), None)
        if found is None:
            return Progress(Outcome.RUNNING, f"no check {spec.check} was made yet")
        outcome = STATES.get(str(found.get("state")), Outcome.RUNNING)
        ended = outcome in {Outcome.FAILED, Outcome.BROKEN}
        said = f"status {spec.check} is {found.get('state')} at GitHub" if ended else ""
        return Progress(outcome, said, https(found.get("target_url")))

    async def cancel(self, launch: Launch, run: str) -> None:
        """Nothing was started."""


def _spec(launch: Launch) -> GitHubCheckSuite:
    assert launch.suite.github_check is not None  # noqa: S101 - the table gives a suite to the runner that it names
    return launch.suite.github_check
