"""Rules by which users let fields of objects differ from git: `spec.ignore`, and `spec.driftDetection.ignore` of a release.

Field names: Flux's APIs of kustomize-controller v1 and helm-controller v2. Patterns match all of a value, as Flux's do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.meta import ForeignModel
from sluice.manifests.selector import selector
from sluice.patterns import compiled, matches

PATTERNS = ("group", "version", "kind", "name", "namespace")


class IgnoreTarget(ForeignModel):
    """Which objects a rule is about; what is empty matches all."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    annotation_selector: str = ""
    label_selector: str = ""

    def has(self, manifest: Mapping[str, Any]) -> bool:
        """Whether an object is one of them: each pattern that is given matches all of its value, each selector holds.

        Raises:
            InvalidError: a pattern or a selector is none.
        """
        group, _, version = manifest["apiVersion"].rpartition("/")
        meta = manifest["metadata"]
        values = (group, version, manifest["kind"], meta["name"], meta.get("namespace") or "")
        for name, value in zip(PATTERNS, values, strict=True):
            pattern = getattr(self, name)
            if pattern and not matches(pattern, value, f"target.{name}"):
                return False
        return selector(self.label_selector).matches(meta.get("labels") or {}) and selector(
            self.annotation_selector
        ).matches(meta.get("annotations") or {})


class IgnoreRule(ForeignModel):
    """Fields that may differ."""

    paths: tuple[str, ...]
    """JSON pointers."""
    target: IgnoreTarget | None = None

    def about(self, manifest: Mapping[str, Any]) -> bool:
        """Whether it is about an object; without a target it is about all."""
        return self.target is None or self.target.has(manifest)


def refuse_rules(rules: Iterable[IgnoreRule], field: str, *, whole: bool = False) -> None:
    """Go no further where one of them cannot be read, before anything is written.

    Args:
        rules: as the manifest has them.
        field: where it has them, for the error.
        whole: whether a path may be empty, for all of an object.

    Raises:
        InvalidError: one of them is not valid; the message names its field.
    """
    for at, rule in enumerate(rules):
        for number, path in enumerate(rule.paths):
            if not path.removeprefix("/") and whole:
                continue
            if not path.startswith("/") or path == "/":
                raise InvalidError(
                    f"{field}[{at}].paths[{number}] {path!r} is no JSON pointer to a field: write for example /spec/replicas"
                )
        target = rule.target or IgnoreTarget()
        for name in PATTERNS:
            compiled(getattr(target, name), f"{field}[{at}].target.{name}")
        for name, text in (
            ("labelSelector", target.label_selector),
            ("annotationSelector", target.annotation_selector),
        ):
            try:
                selector(text)
            except InvalidError as error:
                raise InvalidError(f"{field}[{at}].target.{name}: {error}") from error
