"""Who the people of a Slack workspace are: by their profile, and by the user groups that they are in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.chat.slack import Slack
from sluice.errors import ForbiddenError, TerminalError
from sluice.gates.answering.rights import Person
from sluice.gates.approval import IN_CHAT
from sluice.recent import Recent

KEPT_FOR = 120.0
"""Seconds for which a profile or the user groups are believed: whoever leaves a group may not answer much longer."""
MOST_PEOPLE = 2000
MOST_GROUPS = 60
"""Groups of one person that a record has room for."""
OUTSIDE = ("deleted", "is_bot", "is_stranger", "is_restricted", "is_ultra_restricted")
"""What a profile says of those who ask for nothing: bots, guests, people of other workspaces, and who has left."""


@dataclass(slots=True)
class SlackPeople:
    """The people of one workspace.

    Attributes:
        slack: the connection.
        names: what sluice calls some of them, by their id.
        clock: seconds.
    """

    slack: Slack
    names: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic
    _people: Recent[str, tuple[float, str]] = field(default_factory=lambda: Recent(MOST_PEOPLE))
    _groups: tuple[float, dict[str, frozenset[str]]] | None = None
    _own: frozenset[str] = frozenset()

    async def person(self, user: str, team: str, wanted: Iterable[str] = ()) -> Person:
        """Who a user is. One has the same name each time, or none: else two people could be made of one.

        Args:
            user: id.
            team: id of the workspace that they are of, as the request says.
            wanted: the groups that matter; of others nothing is asked.

        Raises:
            ForbiddenError: it is nobody who may ask for something.
            TransientError, TerminalError: Slack does not say who it is.
        """
        name = await self._name(user, team)
        groups = await self._of(user, frozenset(wanted))
        return Person(name, (f"{IN_CHAT}{user}", *groups))

    async def _name(self, user: str, team: str) -> str:
        known = self._people.get(user)
        if known and self.clock() - known[0] < KEPT_FOR:
            return known[1]
        profile = (await self.slack.call("say who somebody is", "users.info", user=user)).get("user") or {}
        await self._check(profile, team)
        email = (profile.get("profile") or {}).get("email")
        sure = email if email and profile.get("is_email_confirmed", True) else ""
        name = str(self.names.get(user) or sure or f"{IN_CHAT}{user}")
        self._people[user] = (self.clock(), name)
        return name

    async def _check(self, profile: Mapping[str, Any], team: str) -> None:
        if outside := next((what for what in OUTSIDE if profile.get(what)), None):
            raise ForbiddenError(f"Slack says of this user: {outside}: only members of the workspace ask for something")
        if not self._own:
            found = await self.slack.call("say who we are", "auth.test")
            self._own = frozenset(str(found[one]) for one in ("team_id", "enterprise_id") if found.get(one))
        theirs = {profile.get("team_id"), (profile.get("enterprise_user") or {}).get("enterprise_id")}
        if self._own.isdisjoint(theirs - {None}):
            raise ForbiddenError(f"this user is of workspace {team or 'unknown'}, which is not this installation's")

    async def _of(self, user: str, wanted: frozenset[str]) -> tuple[str, ...]:
        """The wanted groups that somebody is in, as they were wanted: by handle or by id."""
        if not wanted:
            return ()
        groups = await self._members()
        return tuple(
            sorted(one for one in wanted if user in groups.get(one.removeprefix("@").removeprefix(IN_CHAT), ()))
        )[:MOST_GROUPS]

    async def _members(self) -> dict[str, frozenset[str]]:
        if self._groups is None or self.clock() - self._groups[0] >= KEPT_FOR:
            found = await self.slack.call("list its user groups", "usergroups.list", include_users="true")
            groups = [one for one in found.get("usergroups") or [] if not one.get("date_delete")]
            named = {
                str(name): frozenset(one.get("users") or ())
                for one in groups
                for name in (one.get("handle"), one.get("id"))
                if name
            }
            if not isinstance(found.get("usergroups"), list):
                raise TerminalError("Slack lists no user groups: give the app the scope usergroups:read")
            self._groups = (self.clock(), named)
        return self._groups[1]
