"""How one manifest names another object."""

from __future__ import annotations

from sluice.manifests.meta import ForeignModel


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
