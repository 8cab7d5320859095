"""Releases on GitHub: deployments with their statuses, a section of a release's body, and check runs of a GitHub App."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from blocks.forges.asking import Asking
from blocks.forges.base import State, one_line
from blocks.forges.marks.base import Check, Deployed, Note
from blocks.forges.repositories import on_github
from sluice.errors import TerminalError, TransientError
from sluice.marks.section import with_line

LONGEST_DESCRIPTION = 140
"""Characters that GitHub takes of a deployment, and of a status of one."""
LONGEST_TASK = 128
MOST_TRIES = 3
"""Writes into the notes of a release: another cluster may write at the same moment, and GitHub has no fence."""
PAGE = "100"
DEPLOYMENTS = "write deployments (scope `repo_deployment`)"
RELEASES = "write contents, to edit the notes of releases"
CHECKS = "write checks, which only a GitHub App may"
STATES = {
    State.PENDING: "in_progress",
    State.SUCCESS: "success",
    State.FAILURE: "failure",
    State.CANCELLED: "inactive",
}
"""What GitHub calls them of a deployment."""
CONCLUSIONS = {State.SUCCESS: "success", State.FAILURE: "failure", State.CANCELLED: "cancelled"}
"""What GitHub calls them of a check run that is over."""
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GitHubMarks:
    """Releases on one GitHub."""

    asking: Asking

    async def deploy(self, url: str, wish: Deployed) -> None:
        """Find the deployment by the key in its payload, or make it; then set its status, where it has another one."""
        where = f"/repos/{on_github(url)}/deployments"
        of_service = {"task": _task(wish), "environment": wish.environment, "per_page": PAGE}
        found = await self.asking.ask("GET", where, DEPLOYMENTS, None, sha=wish.commit, **of_service)
        # The oldest, where two workers made one at the same moment: both come to the same.
        number = min((one["id"] for one in found if _key(one) == wish.key), default=None)
        if number is None:
            number = await self._made(where, wish)
        await self._brought(f"{where}/{number}/statuses", wish)
        if wish.state is State.SUCCESS:
            await self._others_inactive(where, number, of_service)

    async def _made(self, where: str, wish: Deployed) -> int:
        body = {
            "ref": wish.commit,
            "task": _task(wish),
            "environment": wish.environment,
            "description": one_line(f"{wish.service} {wish.version}", LONGEST_DESCRIPTION),
            "payload": {"sluice": wish.key, "service": wish.service, "version": wish.version},
            # It is deployed already: nothing is to be merged for it, nor any status waited for, least of all sluice's own.
            "auto_merge": False,
            "required_contexts": [],
        }
        made = await self.asking.ask("POST", where, DEPLOYMENTS, body)
        if not isinstance(made, dict) or "id" not in made:
            raise TerminalError(f"GitHub made no deployment of {wish.commit[:12]}: {one_line(str(made), 200)}")
        return int(made["id"])

    async def _brought(self, where: str, wish: Deployed) -> None:
        """Each status is an event that may start workflows of people: one that is shown already is not set again."""
        description = one_line(wish.description, LONGEST_DESCRIPTION)
        newest = await self.asking.ask("GET", where, DEPLOYMENTS, None, per_page="1")
        state = STATES[wish.state]
        if newest and (newest[0].get("state"), newest[0].get("description")) == (state, description):
            return
        # Not by GitHub's own rule, by which a success puts out all other services of the environment.
        body = {"state": state, "description": description, "auto_inactive": False}
        await self.asking.ask("POST", where, DEPLOYMENTS, body)

    async def _others_inactive(self, where: str, number: int, of_service: dict[str, str]) -> None:
        """What the service ran in this environment before is not what it runs now; the last one is enough."""
        found = await self.asking.ask("GET", where, DEPLOYMENTS, None, **of_service)
        before = max((one["id"] for one in found if one["id"] < number), default=None)
        if before is None:
            return
        statuses = f"{where}/{before}/statuses"
        newest = await self.asking.ask("GET", statuses, DEPLOYMENTS, None, per_page="1")
        if newest and newest[0].get("state") == STATES[State.SUCCESS]:
            body = {"state": STATES[State.CANCELLED], "description": "a newer version runs", "auto_inactive": False}
            await self.asking.ask("POST", statuses, DEPLOYMENTS, body)

    async def note(self, url: str, wish: Note) -> bool:
        """Bring the line into the body of the release; looked at once more afterwards, for there is no fence."""
        where = f"/repos/{on_github(url)}/releases"
        release = await self._release(where, wish)
        if release is None:
            return False
        for _ in range(MOST_TRIES):
            before = release.get("body") or ""
            after = with_line(before, wish.key, wish.line)
            if after == before:
                return True
            await self.asking.ask("PATCH", f"{where}/{release['id']}", RELEASES, {"body": after})
            release = await self.asking.ask("GET", f"{where}/{release['id']}", RELEASES)
        raise TransientError(f"somebody else writes the notes of release {wish.version} at the same time")

    async def _release(self, where: str, wish: Note) -> Object | None:
        for tag in wish.tags:
            found = await self.asking.find(f"{where}/tags/{quote(tag, safe='')}", RELEASES)
            if found is not None:
                return dict(found)
        return None

    async def check(self, url: str, wish: Check) -> None:
        """Find the check run by its external id, or make it; only a GitHub App may."""
        repository = f"/repos/{on_github(url)}"
        commit = quote(wish.commit, safe="")
        of_name = {"check_name": wish.name, "filter": "all", "per_page": PAGE}
        found = await self.asking.ask("GET", f"{repository}/commits/{commit}/check-runs", CHECKS, None, **of_name)
        known = min((one["id"] for one in found["check_runs"] if one.get("external_id") == wish.key), default=None)
        body = {"name": wish.name, "external_id": wish.key, **_checked(wish)}
        if known is None:
            await self.asking.ask("POST", f"{repository}/check-runs", CHECKS, {**body, "head_sha": wish.commit})
        else:
            await self.asking.ask("PATCH", f"{repository}/check-runs/{known}", CHECKS, body)


def _task(wish: Deployed) -> str:
    return one_line(f"deploy:{wish.service}", LONGEST_TASK)


def _key(deployment: Object) -> str:
    payload = deployment.get("payload")
    return str(payload.get("sluice", "")) if isinstance(payload, dict) else ""


def _checked(wish: Check) -> Object:
    body: Object = {"output": {"title": one_line(wish.title, 250), "summary": wish.summary[:60_000] or wish.title}}
    body |= {"details_url": wish.link} if wish.link else {}
    if wish.state is State.PENDING:
        return {**body, "status": "in_progress"}
    return {**body, "status": "completed", "conclusion": CONCLUSIONS[wish.state]}
