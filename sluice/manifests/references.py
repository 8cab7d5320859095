"""How one manifest names another object."""

from __future__ import annotations

from typing import NamedTuple

from sluice.manifests.meta import ForeignModel


class SourceKey(NamedTuple):
    """Which source: sources of different kinds may have one name and are not one source."""

    kind: str
    namespace: str
    name: str


class LocalReference(ForeignModel):
    """An object of the same namespace."""

    name: str


class NamespacedReference(ForeignModel):
    """An object of the same namespace or, where it is given, of another one."""

    name: str
    namespace: str = ""


class SourceReference(ForeignModel):
    """The source of a Kustomization or of an ImageUpdateAutomation."""

    kind: str = "GitRepository"
    name: str
    namespace: str = ""
    """Empty for the namespace of the referring object."""
    api_version: str = ""

    def key(self, namespace: str) -> SourceKey:
        """The source, as an object of this namespace refers to it."""
        return SourceKey(self.kind, self.namespace or namespace, self.name)
