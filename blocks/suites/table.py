"""The services that run suites, by the field of a Gate's `suite` that asks for one. A new one is a file, a row, and its
field in the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from blocks.suites.base import Reach, Suite
from blocks.suites.circleci import CircleCI
from blocks.suites.github_actions import GitHubActions
from blocks.suites.github_check import GitHubCheck
from blocks.suites.job import JobRunner
from blocks.suites.webhook import WebhookRunner

Row = Callable[[Reach], Suite]
SUITES: Mapping[str, Row] = {
    "circleci": CircleCI,
    "githubActions": GitHubActions,
    "githubCheck": GitHubCheck,
    "job": JobRunner,
    "webhook": WebhookRunner,
}
"""How a service is made of what it may reach."""
