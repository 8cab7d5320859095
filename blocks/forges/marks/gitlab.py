"""Releases on GitLab: deployments to environments, a section of a release's description, and statuses for checks.

Each service has an environment of its own, in a folder of the environment: `production/team/shop`. GitLab's deployments
carry nothing by which sluice could know its own, and a newer one takes the place of the older in its environment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from blocks.forges.asking import Asking
from blocks.forges.base import State, one_line
from blocks.forges.marks.base import Check, Deployed, Note
from blocks.forges.repositories import on_gitlab
from sluice.errors import TerminalError, TransientError
from sluice.marks.section import with_line

LONGEST_ENVIRONMENT = 255
LONGEST_DESCRIPTION = 255
PAGE = "50"
MOST_TRIES = 3
"""Writes into the notes of a release: another cluster may write at the same moment, and GitLab has no fence."""
DEPLOYMENTS = "have scope `api` and role Developer, to write deployments"
RELEASES = "have scope `api` and role Developer, to edit the notes of releases"
STATUSES = "have scope `api`, to write commit statuses"
STATES = {
    State.PENDING: "running",
    State.SUCCESS: "success",
    State.FAILURE: "failed",
    State.CANCELLED: "canceled",
}
"""What GitLab calls them, of deployments and of statuses."""
OPEN = {"created", "running"}
"""States of a deployment that can become another one."""
_NO_NAME = re.compile(r"[^A-Za-z0-9 _/${}-]")
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GitLabMarks:
    """Releases on one GitLab."""

    asking: Asking

    async def deploy(self, url: str, wish: Deployed) -> None:
        """Find the newest deployment of the environment that has this commit, or make it; then bring it to its state."""
        where = f"/projects/{on_gitlab(url)}/deployments"
        environment = _environment(wish)
        newest = {"order_by": "id", "sort": "desc", "per_page": PAGE}
        found = await self.asking.ask("GET", where, DEPLOYMENTS, None, environment=environment, **newest)
        known = next((one for one in found if one.get("sha") == wish.commit), None)
        state = STATES[wish.state]
        if known is not None and known["status"] == state and (known is found[0] or wish.state is not State.SUCCESS):
            return
        if known is not None and known["status"] in OPEN:
            await self.asking.ask("PUT", f"{where}/{known['id']}", DEPLOYMENTS, {"status": state})
            return
        reference, is_tag = await self._reference(url, wish)
        body = {"environment": environment, "sha": wish.commit, "ref": reference, "tag": is_tag, "status": state}
        await self.asking.ask("POST", where, DEPLOYMENTS, body)

    async def _reference(self, url: str, wish: Deployed) -> tuple[str, bool]:
        """What GitLab wants to know besides the commit: the version's tag where there is one, else the default branch."""
        project = f"/projects/{on_gitlab(url)}"
        for tag in Note(key="", version=wish.version, line="").tags:
            found = await self.asking.find(f"{project}/repository/tags/{quote(tag, safe='')}", DEPLOYMENTS)
            if found is not None:
                return tag, True
        branch = (await self.asking.ask("GET", project, DEPLOYMENTS)).get("default_branch")
        if not branch:
            raise TerminalError(f"{url} has no default branch that GitLab could show a deployment of")
        return str(branch), False

    async def note(self, url: str, wish: Note) -> bool:
        """Bring the line into the description of the release; looked at once more afterwards, for there is no fence."""
        for tag in wish.tags:
            where = f"/projects/{on_gitlab(url)}/releases/{quote(tag, safe='')}"
            release = await self.asking.find(where, RELEASES)
            if release is not None:
                await self._noted(where, release, wish)
                return True
        return False

    async def _noted(self, where: str, release: Object, wish: Note) -> None:
        for _ in range(MOST_TRIES):
            before = release.get("description") or ""
            after = with_line(before, wish.key, wish.line)
            if after == before:
                return
            await self.asking.ask("PUT", where, RELEASES, {"description": after})
            release = await self.asking.ask("GET", where, RELEASES)
        raise TransientError(f"somebody else writes the notes of release {wish.version} at the same time")

    async def check(self, url: str, wish: Check) -> None:
        """A status of the commit by the check's name: GitLab has no check runs."""
        body: Object = {
            "state": STATES[wish.state],
            "name": wish.name,
            "description": one_line(wish.title, LONGEST_DESCRIPTION),
        }
        body |= {"target_url": wish.link} if wish.link else {}
        path = f"/projects/{on_gitlab(url)}/statuses/{quote(wish.commit, safe='')}"
        try:
            await self.asking.ask("POST", path, STATUSES, body)
        except TerminalError as error:
            if "Cannot transition status" not in str(error):  # it is so already
                raise


def _environment(wish: Deployed) -> str:
    """A name that GitLab takes: a dot, or what else it does not know, is a dash."""
    name = _NO_NAME.sub("-", f"{wish.environment}/{wish.service}")
    return name[:LONGEST_ENVIRONMENT].strip("/ ")
