"""Keeps the doors for Slack there while there is a cluster."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.routing import Route

from blocks.chat.base import ChatAddress
from blocks.chat.slack import Slack
from blocks.chat.slack_people import SlackPeople
from blocks.kubernetes.cluster import Cluster
from deployments.doors.proof import Guard
from deployments.doors.slack.desk import Desk
from deployments.doors.slack.door import ANSWERS_AT, SlackDoor
from deployments.doors.slack.journal import Trail
from deployments.settings import Settings
from sluice.gates.answering.buttons import Seal
from sluice.gates.answering.rights import Operators


@dataclass(slots=True)
class SlackService:
    """The doors for Slack of this installation, which has a token and a signing secret.

    Attributes:
        desk: of now; None while there is no way to the cluster.
    """

    settings: Settings
    desk: Desk | None = None
    slack: Slack = field(init=False)
    secret: str = field(init=False)

    def __post_init__(self) -> None:
        token, secret = self.settings.slack_token, self.settings.slack_signing_secret
        assert token is not None and secret is not None  # noqa: S101, PT018 - served where both are set
        address = ChatAddress(token=token, channel=self.settings.slack_channel, url=self.settings.slack_url)
        self.slack, self.secret = Slack.connect(address), secret.get_secret_value()

    def routes(self, guard: Guard) -> list[Route]:
        """The routes for Slack."""
        hosts = {ANSWERS_AT, urlsplit(self.settings.slack_url).hostname or ANSWERS_AT}
        return SlackDoor(lambda: self.desk, self.slack, self.secret, answers_at=frozenset(hosts)).routes(guard)

    async def run(self) -> None:
        """Keep the way to the cluster until cancelled.

        Raises:
            TerminalError: there is no way to a cluster; the message says what was tried.
        """
        given = self.settings
        kubeconfig = str(given.kubeconfig) if given.kubeconfig else None
        cluster = await Cluster.connect(kubeconfig, given.context, given.service_account, given.namespaces)
        people = SlackPeople(self.slack, given.slack_people)
        trail = Trail(cluster, given.leases_in)
        try:
            operators = Operators.of(given.slack_operators)
            self.desk = Desk(cluster, people, trail, Seal(self.secret), operators)
            await asyncio.Event().wait()
        finally:
            self.desk = None
            await cluster.close()
