"""Flux's Provider (`notification.toolkit.fluxcd.io/v1beta3`): where the events that an Alert chooses go.

Field names and defaults: Flux's notification-controller API, v1beta3.
"""

from __future__ import annotations

from typing import ClassVar

from sluice.durations import Duration
from sluice.manifests.flux.notification.alert import GROUP
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference


class ProviderSpec(ForeignModel):
    """What a Provider asks for."""

    reported: ClassVar[frozenset[str]] = frozenset({"serviceAccountName", "commitStatusExpr"})
    type: str
    """Of the receiving side: a row of `sluice.notices.alerts.table`."""
    address: str = ""
    """Where to post; the Secret's `address` goes before it."""
    channel: str = ""
    username: str = ""
    secret_ref: LocalReference | None = None
    """Secret with `address`, `token` and `headers`, each where it is needed."""
    cert_secret_ref: LocalReference | None = None
    """Secret with `ca.crt`, and `tls.crt` and `tls.key` where the other side asks who we are."""
    proxy: str = ""
    proxy_secret_ref: LocalReference | None = None
    """Secret with `address`, and `username` and `password` where the proxy asks for them."""
    timeout: Duration = 15.0
    interval: Duration = 600.0
    """Without a meaning in Flux too."""
    suspend: bool = False
    service_account_name: str = ""
    commit_status_expr: str = ""


class Provider(Manifest):
    """A receiving side of alerts."""

    api_version: ClassVar[str] = f"{GROUP}/v1beta3"
    kind: ClassVar[str] = "Provider"
    plural: ClassVar[str] = "providers"
    spec: ProviderSpec
