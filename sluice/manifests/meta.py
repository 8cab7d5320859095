"""What every Kubernetes manifest shares, and the rule for fields that sluice does not act on.

Manifests come from Flux and Flagger and may say more than sluice does. Such a field is kept and reported by its path,
never dropped silently: a setting that a user believes in and nobody obeys is worse than an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sluice.errors import InvalidError
from sluice.faults import faults

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""Annotation by which `flux reconcile` asks for a run now; what it said last is in `status.lastHandledReconcileAt`."""


class ForeignModel(BaseModel):
    """Part of a manifest: camelCase outside, snake_case inside, unknown fields kept for the report."""

    model_config = ConfigDict(
        extra="allow",
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        hide_input_in_errors=True,  # a wrong address may have a token in it, and errors go where many people read
    )
    reported: ClassVar[frozenset[str]] = frozenset()
    """Fields (camelCase) that are modelled only for their schema and are not acted on yet."""

    def unsupported(self, path: str = "") -> Iterator[str]:
        """The paths of the fields that are set here and that sluice does not act on, such as `spec.analysis.mirror`."""
        prefix = f"{path}." if path else ""
        for name in self.model_extra or {}:
            yield f"{prefix}{name}"
        for name, field in type(self).model_fields.items():
            outside = field.alias or to_camel(name)
            value = getattr(self, name)
            if outside in self.reported and name in self.model_fields_set:
                yield f"{prefix}{outside}"
            elif isinstance(value, ForeignModel):
                yield from value.unsupported(f"{prefix}{outside}")
            elif isinstance(value, list | tuple):
                for index, item in enumerate(value):
                    if isinstance(item, ForeignModel):
                        yield from item.unsupported(f"{prefix}{outside}[{index}]")


class ObjectMeta(BaseModel):
    """The metadata that sluice reads; everything else is kept as it came."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True, frozen=True)
    name: str
    namespace: str = "default"
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    deletion_timestamp: str = ""


class Manifest(ForeignModel):
    """A whole object. Subclasses name their kind and add `spec` and `status`."""

    api_version: ClassVar[str]
    kind: ClassVar[str]
    plural: ClassVar[str]
    reported: ClassVar[frozenset[str]] = frozenset()
    metadata: ObjectMeta

    @classmethod
    def parse(cls, manifest: dict[str, Any]) -> Self:
        """The model of `manifest`.

        Raises:
            InvalidError: names each wrong field by its path and says what it should be.
        """
        body = {key: value for key, value in manifest.items() if key not in {"apiVersion", "kind"}}
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            meta = manifest.get("metadata")
            meta = meta if isinstance(meta, dict) else {}
            where = f"{cls.kind} {meta.get('namespace', 'default')}/{meta.get('name', '?')}"
            raise InvalidError(f"{where} is not valid: {faults(error)}") from error

    @classmethod
    def valid(cls, manifests: Iterable[dict[str, Any]]) -> list[Self]:
        """The models of those that are valid: one that somebody wrote wrongly is no reason to fail the others."""
        found = []
        for manifest in manifests:
            with suppress(InvalidError):
                found.append(cls.parse(manifest))
        return found

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """`metadata.namespace`."""
        return self.metadata.namespace

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def without_nothing(status: Any, empty: str) -> Any:
    """A status without its nulls, for a model's own validator to read.

    Args:
        empty: the field of which an empty text means nothing, too; other clients write one.
    """
    if not isinstance(status, dict):
        return status
    kept = {key: value for key, value in status.items() if value is not None}
    return {**kept, empty: kept.get(empty) or None}
