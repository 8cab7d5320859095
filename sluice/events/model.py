"""The events that start deliveries, whatever sent them.

An event's id is derived from what the sender calls the delivery, so that a delivery that is sent twice is one event.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something happened outside.

    Attributes:
        delivery: the sender's own name for this delivery; equal for a redelivery.
    """

    model_config = ConfigDict(frozen=True)
    name: ClassVar[str]
    delivery: str

    @property
    def id(self) -> UUID:
        """The id of the event; equal for every redelivery."""
        return uuid5(NAMESPACE_URL, f"{self.name}/{self.delivery}")

    @property
    def resource(self) -> str:
        """Prefect's `prefect.resource.id` for this event: what it is about."""
        raise NotImplementedError

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about, for a queue: of two waiting events with one subject the newer says all that the older said."""
        return (self.name, self.delivery)

    @property
    def payload(self) -> dict[str, str]:
        """What the automation hands to the flow as its parameters."""
        return {key: str(value) for key, value in self.model_dump(exclude={"delivery"}).items()}


class ImagePushed(Event):
    """A registry accepted a manifest under a tag."""

    name: ClassVar[str] = "sluice.image.pushed"
    image: str
    """Repository with its registry, without tag: `registry.example/team/shop`."""
    tag: str
    digest: str
    """`sha256:…` of the manifest that the tag named at that moment; empty where the registry does not say."""

    @property
    def resource(self) -> str:
        return f"sluice.image.{self.image}"


class AutomationDue(Event):
    """Git does not hold what the image policies of an ImageUpdateAutomation want, or somebody asks for a run."""

    name: ClassVar[str] = "sluice.automation.due"
    namespace: str
    automation: str

    @property
    def resource(self) -> str:
        return f"sluice.automation.{self.namespace}.{self.automation}"

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.name, self.namespace, self.automation)


class SourceChanged(Event):
    """A source moved: a branch or a tag of a repository, or what has no references: a chart, an artifact, a bucket."""

    name: ClassVar[str] = "sluice.source.changed"
    url: str
    ref: str
    """A branch by its name, a tag as `refs/tags/v1.2`; empty where the source has no references."""
    commit: str
    reapply: str = ""
    """Kustomizations to be applied though nothing moved, `namespace/name` with commas between: their interval is over."""

    @property
    def resource(self) -> str:
        return f"sluice.source.{self.url}"

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.name, self.url, self.ref, self.commit, self.reapply)


class TargetChanged(Event):
    """The workload that a Canary points at has a revision that was not judged yet."""

    name: ClassVar[str] = "sluice.target.changed"
    namespace: str
    canary: str
    revision: str
    """Hash of the pod template."""
    version: str
    """What people call it: the image tag."""

    @property
    def resource(self) -> str:
        return f"sluice.canary.{self.namespace}.{self.canary}"

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.name, self.namespace, self.canary)


class FlagRolloutChanged(Event):
    """A FlagRollout is new or changed, and has something to do."""

    name: ClassVar[str] = "sluice.flag.changed"
    namespace: str
    flag_rollout: str

    @property
    def resource(self) -> str:
        return f"sluice.flag.{self.namespace}.{self.flag_rollout}"

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.name, self.namespace, self.flag_rollout)


class TrainDue(Event):
    """A Train is new or changed, its bell rang, or somebody asks for a departure."""

    name: ClassVar[str] = "sluice.train.due"
    namespace: str
    train: str

    @property
    def resource(self) -> str:
        return f"sluice.train.{self.namespace}.{self.train}"

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.name, self.namespace, self.train)
