"""`flagger.app/v1beta1` MetricTemplate: a measure by a user's own query."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.meta import ForeignModel, Manifest


class MetricProvider(ForeignModel):
    """Where the query is asked."""

    type: str
    address: str = ""
    secret_ref: ObjectReference | None = None
    region: str | None = None
    insecure_skip_verify: bool | None = None
    headers: dict[str, Any] | None = None
    reported: ClassVar[frozenset[str]] = frozenset({"secretRef", "region", "insecureSkipVerify", "headers"})


class MetricTemplateSpec(ForeignModel):
    """A query with variables such as `{{ namespace }}`, `{{ target }}`, `{{ interval }}`."""

    provider: MetricProvider
    query: str = Field(min_length=1)


class MetricTemplate(Manifest):
    """A named query that Canaries refer to."""

    api_version: ClassVar[str] = "flagger.app/v1beta1"
    kind: ClassVar[str] = "MetricTemplate"
    plural: ClassVar[str] = "metrictemplates"
    spec: MetricTemplateSpec
