"""GitHub Actions: a workflow is started by workflow_dispatch (docs.github.com/rest/actions/workflows).

GitHub says which run that is since version 2026-03-10 of its API; where the answer was lost, and on servers that do not know
that version, the run is found by the key in its title, which the workflow's `run-name` has to have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from blocks.suites.asking import Asking, https, listed
from blocks.suites.base import RUNNING, Launch, Progress, Reach, Started, UnclearError
from blocks.suites.github import api_of, concluded
from sluice.errors import InvalidError
from sluice.gates.suite import KEY
from sluice.manifests.own.gates.suite import GitHubActionsSuite

CLOCKS_APART = 120.0
"""Seconds that its clock may be behind ours."""
MOST_RUNS, PAGES = 100, 10
"""Runs of a page, and pages that GitHub gives of a search."""


@dataclass(frozen=True, slots=True)
class GitHubActions:
    """Runs of one workflow."""

    reach: Reach
    settles: float = 60.0

    async def start(self, launch: Launch) -> Started:
        spec = _spec(launch)
        inputs = launch.all_filled(spec.inputs, "githubActions.inputs")
        if spec.key_input:
            inputs[spec.key_input] = launch.key
        body = {"ref": launch.filled(spec.ref, "githubActions.ref"), "inputs": inputs}
        api = await self._api(launch)
        answer = await api.ask("POST", f"/actions/workflows/{quote(spec.workflow, safe='')}/dispatches", body)
        if not isinstance(answer, Mapping) or not answer.get("workflow_run_id"):
            return Started("")
        return Started(str(int(answer["workflow_run_id"])), https(answer.get("html_url")))

    async def find(self, launch: Launch) -> Started | None:
        spec, api = _spec(launch), await self._api(launch)
        runs = await self._since(api, spec, launch.since - CLOCKS_APART)
        for run in runs:
            if launch.key in str(run.get("display_title")):
                return Started(str(int(run["id"])), https(run.get("html_url")))
        unknown = [str(run.get("id")) for run in runs if not KEY.search(str(run.get("display_title")))]
        if unknown:
            raise UnclearError(
                f"whether the suite was started cannot be found out: run {', '.join(unknown[:3])} of {spec.workflow} in "
                f"{spec.repository} was dispatched since, with no key in its title. Let the workflow have "
                f"`run-name: e2e ${{{{ inputs.{spec.key_input} }}}}`, so that the next one can be found"
            )
        return None

    async def _since(self, api: Asking, spec: GitHubActionsSuite, since: float) -> list[Mapping[str, Any]]:
        """The runs that were dispatched since then."""
        created = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"event": "workflow_dispatch", "created": f">={created}", "per_page": str(MOST_RUNS)}
        found: list[Mapping[str, Any]] = []
        for page in range(1, PAGES + 1):
            path = f"/actions/workflows/{quote(spec.workflow, safe='')}/runs"
            runs = listed(await api.ask("GET", path, page=str(page), **query), "workflow_runs", "GitHub")
            found += runs
            if len(runs) < MOST_RUNS:
                return found
        raise UnclearError(f"whether the suite was started cannot be found out: {spec.workflow} has too many runs")

    async def progress(self, launch: Launch, run: str) -> Progress:
        answer = await (await self._api(launch)).ask("GET", f"/actions/runs/{run}")
        if not isinstance(answer, Mapping) or "status" not in answer:
            raise InvalidError("GitHub does not answer as its description says: a run has no status")
        if answer["status"] != "completed":
            return RUNNING
        return concluded(answer.get("conclusion"), "the run", https(answer.get("html_url")))

    async def cancel(self, launch: Launch, run: str) -> None:
        await (await self._api(launch)).ask("POST", f"/actions/runs/{run}/cancel")

    async def _api(self, launch: Launch) -> Asking:
        spec = _spec(launch)
        return await api_of(self.reach, launch, spec.repository, spec.address, spec.secret_ref)


def _spec(launch: Launch) -> GitHubActionsSuite:
    assert launch.suite.github_actions is not None  # noqa: S101 - the table gives a suite to the runner that it names
    return launch.suite.github_actions
