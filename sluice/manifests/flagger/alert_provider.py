"""`flagger.app/v1beta1` AlertProvider: where a Canary's alerts go. Accepted and kept; not acted on yet."""

from __future__ import annotations

from typing import ClassVar

from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.meta import ForeignModel, Manifest


class AlertProviderSpec(ForeignModel):
    """A chat service and how to reach it."""

    type: str
    channel: str = ""
    username: str = ""
    address: str = ""
    proxy: str = ""
    secret_ref: ObjectReference | None = None
    reported: ClassVar[frozenset[str]] = frozenset({"type", "channel", "username", "address", "proxy", "secretRef"})


class AlertProvider(Manifest):
    """A named destination of alerts."""

    api_version: ClassVar[str] = "flagger.app/v1beta1"
    kind: ClassVar[str] = "AlertProvider"
    plural: ClassVar[str] = "alertproviders"
    spec: AlertProviderSpec
