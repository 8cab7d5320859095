"""One right that sluice has: what it may ask of the API server, why, and which part of it needs that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from blocks.kubernetes.cluster import Kind
from deployments.rights.part import Part


class Where(StrEnum):
    """Where a right is needed."""

    EVERYWHERE = "in each namespace that is looked after"
    OWN = "in sluice's own namespace"
    NAMED = "on the Secrets that are named"
    TENANTS = "where `components/tenants` is installed"
    JOB_SUITES = "in namespaces of Gates whose suites are Jobs (`components/job-suites`)"


@dataclass(frozen=True, slots=True)
class Right:
    """One row.

    Attributes:
        kind: of the objects.
        verbs: as the API server calls them.
        why: what fails without it, in words for the person who gives rights.
        parts: who needs it.
        where: in which namespaces.
        subresource: `status` and the like; empty for the object itself.
    """

    kind: Kind
    verbs: tuple[str, ...]
    why: str
    parts: tuple[Part, ...] = (Part.WORKER,)
    where: Where = Where.EVERYWHERE
    subresource: str = ""

    @property
    def group(self) -> str:
        """The API group; empty for the core."""
        return self.kind.api_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """The resource as RBAC writes it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource
