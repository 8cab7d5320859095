"""What happens to a Kustomization's files before and after kustomize: decryption and variables.

Field names and defaults: Flux's kustomize-controller API, v1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference


class SubstituteReference(ForeignModel):
    """A ConfigMap or Secret of the Kustomization's own namespace whose keys are variables."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    optional: bool = False
    """Whether it may be missing."""


class PostBuild(ForeignModel):
    """Variables for `${var}` in what kustomize has made."""

    substitute: dict[str, str] = Field(default_factory=dict)
    """Variables by name; they go before those of `substituteFrom`."""
    substitute_from: tuple[SubstituteReference, ...] = ()
    """Later ones go before earlier ones."""
    substitute_strategy: Literal["WithVariables", "Always"] = "WithVariables"
    """`Always`: also where there is no variable at all, for the sake of defaults."""


class Decryption(ForeignModel):
    """How encrypted files and Secrets are read."""

    provider: Literal["sops"]
    secret_ref: LocalReference | None = None
    """Secret with the keys: `*.agekey`, `*.asc`, and `sops.…` for the key services of clouds."""
    service_account_name: str = ""
