"""How an object of ours names a service of feature flags: `spec.service` of a FlagRollout or FlagAudit, and a Canary's."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference

ENVIRONMENT = "{environment}"
"""Stands for the environment's name in `address`, `namespace` and `path`: one service or file for each environment."""

ServiceType = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""`flipt`, `flipt-v2`, `features-file`, `flagd-file` or `ofrep`; installed packages add others."""


class FlagServiceReference(ForeignModel):
    """Where flags are kept, and as whom they are read and turned."""

    type: ServiceType
    address: str
    """Of the service, or the URL of the git repository that has the file."""
    namespace: str = "default"
    """Of Flipt: flags of another namespace are other flags."""
    environments: tuple[str, ...] = ("default",)
    """Their names. Flipt v1 has none of its own: name those that you have, and use `{environment}`."""
    path: str = ""
    """Of the file in the repository; empty for `features.yml` or `flags.json`."""
    branch: str = "main"
    """Of the repository."""
    secret_ref: LocalReference | None = None
    """A Secret of the object's namespace: `token` for a service; for git what a GitRepository's secretRef has."""
    timeout: Annotated[Duration, Field(gt=0, le=60)] = 5.0
    """How long one answer may take."""
    read_only: bool = False
    """Sluice only reads, whatever the token allows."""

    def of(self, text: str, environment: str) -> str:
        """`address`, `namespace` or `path` as it is in one environment."""
        return text.replace(ENVIRONMENT, environment)
