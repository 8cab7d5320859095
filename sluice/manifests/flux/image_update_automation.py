"""Flux's ImageUpdateAutomation (`image.toolkit.fluxcd.io/v1`): where a chosen image is written in git, and by whom.

Field names and defaults: Flux's image-automation-controller API, v1 (v1beta2 has the same fields).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.git_repository import GitReference
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import SourceKey, SourceReference


class CommitAuthor(ForeignModel):
    """Who the commit says wrote it."""

    name: str = ""
    email: str


class CommitSpec(ForeignModel):
    """How to commit."""

    author: CommitAuthor
    message_template: str = ""
    """Go template over `.AutomationObject`, `.Changed` and `.Values`; `sluice.images.message` says which part of it."""
    message_template_values: dict[str, str] = Field(default_factory=dict)


class CheckoutSpec(ForeignModel):
    """What to start from."""

    ref: GitReference = GitReference()


class PushSpec(ForeignModel):
    """Where to push."""

    reported: ClassVar[frozenset[str]] = frozenset({"refspec", "options"})
    branch: str = ""
    """Empty for the branch that was checked out."""
    refspec: str = ""
    options: dict[str, str] = Field(default_factory=dict)


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

    reported: ClassVar[frozenset[str]] = frozenset({"interval"})
    source_ref: SourceReference
    git: GitSpec
    update: UpdateSpec = UpdateSpec()
    policy_selector: LabelSelector | None = None
    interval: Duration = 60.0
    suspend: bool = False


class ImageUpdateAutomationStatus(ForeignModel):
    """What an ImageUpdateAutomation did last."""

    observed_generation: int = 0
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
