"""Flux's ImageUpdateAutomation (`image.toolkit.fluxcd.io/v1`): where a chosen image is written in git, and by whom.

Field names and defaults: Flux's image-automation-controller API, v1 (v1beta2 lacks `signingKey.type`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.git_repository import GitReference
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference, SourceKey, SourceReference


class CommitAuthor(ForeignModel):
    """Who the commit says wrote it."""

    name: str = ""
    email: str


class SigningKeyType(StrEnum):
    """What kind of key signs commits."""

    GPG = "gpg"
    """An armoured OpenPGP key in `git.asc`, with its `passphrase` where it has one."""
    SSH = "ssh"
    """An OpenSSH private key in `identity`, with its `password` where it has one."""


class SigningKey(ForeignModel):
    """The key that signs commits, in a Secret of the automation's namespace."""

    secret_ref: LocalReference
    type: SigningKeyType = SigningKeyType.GPG


class CommitSpec(ForeignModel):
    """How to commit."""

    author: CommitAuthor
    signing_key: SigningKey | None = None
    message_template: str = ""
    """Go template over `.AutomationObject`, `.Changed` and `.Values`; see `sluice.images.message`."""
    message_template_values: dict[str, str] = Field(default_factory=dict)


class CheckoutSpec(ForeignModel):
    """What to start from."""

    ref: GitReference = GitReference()


class PushSpec(ForeignModel):
    """Where to push."""

    branch: str = ""
    """Empty for the branch that was checked out."""
    refspec: str = ""
    """Where else to push, `refs/heads/<branch>:<reference>`; empty for nowhere."""
    options: dict[str, str] = Field(default_factory=dict)
    """Push options for the server."""


class GitSpec(ForeignModel):
    """The git part of an automation."""

    checkout: CheckoutSpec | None = None
    commit: CommitSpec
    push: PushSpec = PushSpec()


class UpdateSpec(ForeignModel):
    """What to edit."""

    strategy: Literal["Setters"] = "Setters"
    path: str = ""
    """Directory whose YAML files are edited; empty for all."""


class LabelRule(ForeignModel):
    """One rule of a label selector."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()

    def allows(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels follow the rule, as Kubernetes reads it."""
        value = labels.get(self.key)
        return {
            "In": value in self.values,
            "NotIn": value not in self.values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[self.operator]


class LabelSelector(ForeignModel):
    """Which policies an automation serves, by their labels."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelRule, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the selector selects what has these labels."""
        by_label = self.match_labels.items() <= labels.items()
        return by_label and all(rule.allows(labels) for rule in self.match_expressions)


class ImageUpdateAutomationSpec(ForeignModel):
    """What an ImageUpdateAutomation asks for."""

    source_ref: SourceReference
    git: GitSpec
    update: UpdateSpec = UpdateSpec()
    policy_selector: LabelSelector | None = None
    interval: Duration = 60.0
    """How often git is asked whether it holds what the policies want."""
    suspend: bool = False


class ObservedImage(ForeignModel):
    """What a policy wanted when git was last compared with it."""

    name: str
    tag: str = ""
    digest: str = ""


class ImageUpdateAutomationStatus(ForeignModel):
    """What an ImageUpdateAutomation did last."""

    observed_generation: int = 0
    observed_policies: dict[str, ObservedImage] = Field(default_factory=dict)
    observed_source_revision: str = ""
    last_handled_reconcile_at: str = ""
    conditions: tuple[Condition, ...] = ()
    last_push_commit: str = ""
    last_push_time: str = ""
    last_automation_run_time: str = ""


class ImageUpdateAutomation(Manifest):
    """A rule that writes chosen images to git."""

    api_version: ClassVar[str] = "image.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "ImageUpdateAutomation"
    plural: ClassVar[str] = "imageupdateautomations"
    also_served: ClassVar[tuple[str, ...]] = ("v1beta2",)
    spec: ImageUpdateAutomationSpec
    status: ImageUpdateAutomationStatus = ImageUpdateAutomationStatus()

    @property
    def source(self) -> SourceKey:
        """The source that it writes to."""
        return self.spec.source_ref.key(self.namespace)
