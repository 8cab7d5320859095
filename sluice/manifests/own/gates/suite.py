"""A Gate that is an end-to-end suite: started once for each revision against its canary, and waited for.

What a suite is given may name the release by places such as `{{ version }}`; `PLACES` lists them.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel

HOUR = 3600.0
PLACES = ("canary", "namespace", "service", "revision", "version", "gate", "key", "url")
"""What a text may name: `url` is the canary's own Service inside the cluster, `key` what tells this start from others."""
ADDRESS = r"^https?://[^\s]+$"
REPOSITORY = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"


class SecretKey(ForeignModel):
    """A Secret in the Gate's namespace, and the key in it."""

    name: str = Field(min_length=1, max_length=253)
    key: str = "token"


class CircleCISuite(ForeignModel):
    """A pipeline of CircleCI, by its API v2."""

    project: str = Field(pattern=r"^[a-z]+/[^/\s]+/[^/\s]+$")
    """The project's slug: `gh/team/shop`, or `circleci/ORG-ID/PROJECT-ID`."""
    secret_ref: SecretKey
    branch: str = ""
    tag: str = ""
    definition_id: str = Field(default="", pattern=r"^[0-9a-fA-F-]*$")
    """Of a pipeline definition (GitHub App, GitLab): started by `/pipeline/run`."""
    parameters: dict[str, str] = Field(default_factory=dict, max_length=90)
    key_parameter: str = "sluice_key"
    """Pipeline parameter that gets the key; the configuration has to declare it, and to use it somewhere."""
    address: str = Field(default="https://circleci.com", pattern=ADDRESS)

    @model_validator(mode="after")
    def _one_reference(self) -> Self:
        if self.branch and self.tag:
            raise ValueError("branch and tag: leave one")
        return self


class GitHubActionsSuite(ForeignModel):
    """A workflow of GitHub Actions, by workflow_dispatch."""

    repository: str = Field(pattern=REPOSITORY)
    workflow: str = Field(pattern=r"^[^/\s]+$")
    """Its file's name, `e2e.yaml`, or its id."""
    ref: str = "main"
    """A branch or tag that has the workflow."""
    secret_ref: SecretKey
    inputs: dict[str, str] = Field(default_factory=dict, max_length=24)
    key_input: str = "sluice_key"
    """Input that gets the key; the workflow has to declare it, and to have it in its `run-name`."""
    address: str = Field(default="https://api.github.com", pattern=ADDRESS)


class GitHubCheckSuite(ForeignModel):
    """A check or status of a commit that something else makes: it is waited for, nothing is started."""

    repository: str = Field(pattern=REPOSITORY)
    check: str = Field(min_length=1)
    """The check run's name, or the status's context."""
    ref: str = "{{ version }}"
    """The commit: a hash, branch or tag."""
    secret_ref: SecretKey | None = None
    address: str = Field(default="https://api.github.com", pattern=ADDRESS)


class JobSuite(ForeignModel):
    """A Job of this cluster, in the Gate's namespace."""

    template: dict[str, Any] | None = None
    """`spec` of the Job."""
    cron_job: str = ""
    """A CronJob, usually a suspended one, whose template is used."""

    @model_validator(mode="after")
    def _one_template(self) -> Self:
        if bool(self.template) == bool(self.cron_job):
            raise ValueError("a Job is made of `template` or of `cronJob`: give one of them")
        return self


class WebhookSuite(ForeignModel):
    """A service of the user's: asked to start by a POST with an Idempotency-Key, and then how far it is."""

    url: str = Field(pattern=ADDRESS)
    status_url: str = Field(default="", pattern=r"^(https?://[^\s].*)?$")
    """Where its state is asked, such as `https://ci.example/suites/{{ key }}`; where empty, what the POST is answered."""
    secret_ref: SecretKey | None = None
    """A bearer token."""


RUNNERS = ("circleci", "githubActions", "githubCheck", "job", "webhook")
"""The fields of which a suite has exactly one."""


class SuiteSpec(ForeignModel):
    """Which suite, and how long it is waited for."""

    timeout: Duration = Field(default=2 * HOUR, gt=0)
    """All attempts together; after that the revision is refused, and what still runs is cancelled."""
    attempts: int = Field(default=2, ge=1, le=10)
    """How often it is started at most while infrastructure fails it. Tests that fail are never tried again."""
    circleci: CircleCISuite | None = None
    github_actions: GitHubActionsSuite | None = None
    github_check: GitHubCheckSuite | None = None
    job: JobSuite | None = None
    webhook: WebhookSuite | None = None

    @model_validator(mode="after")
    def _one_runner(self) -> Self:
        named = self._named()
        if len(named) != 1:
            says = f"has {' and '.join(named)}" if named else "has none"
            raise ValueError(f"a suite has exactly one of {', '.join(RUNNERS)}; this one {says}: leave one")
        return self

    def _named(self) -> list[str]:
        fields = type(self).model_fields
        outside = {str(field.alias): getattr(self, name) for name, field in fields.items()}
        return [name for name in RUNNERS if outside[name] is not None]

    @property
    def runner(self) -> str:
        """Which of the fields it has."""
        return self._named()[0]
