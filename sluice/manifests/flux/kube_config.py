"""How a manifest names the cluster that its objects are for, where that is not its own: Flux's `spec.kubeConfig`."""

from __future__ import annotations

from pydantic import model_validator

from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference


class SecretKeyReference(ForeignModel):
    """A key of a Secret of the same namespace."""

    name: str
    key: str = ""
    """Empty for `value` or `value.yaml`."""


class KubeConfigReference(ForeignModel):
    """The way to a cluster: a whole kubeconfig in a Secret, or an address in a ConfigMap."""

    secret_ref: SecretKeyReference | None = None
    config_map_ref: LocalReference | None = None
    """ConfigMap with `provider`, `address`, `ca.crt`, `audiences`, `serviceAccountName`."""

    @model_validator(mode="after")
    def _one_way(self) -> KubeConfigReference:
        if (self.secret_ref is None) == (self.config_map_ref is None):
            raise ValueError("names a Secret or a ConfigMap: set one of secretRef and configMapRef")
        return self
