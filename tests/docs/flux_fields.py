"""Which fields of Flux's kinds sluice acts on: `python -m tests.docs.flux_fields` writes docs/flux-fields.md.

Flux's side is read from the Go types that its definitions are generated from (`lab/flux`), sluice's from its models: a
field that no model has, or that a model only reports, is not acted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic.alias_generators import to_camel

from sluice.manifests.crd import COLUMNS
from sluice.manifests.meta import ForeignModel, Manifest

PAGE = Path(__file__).parents[2] / "docs" / "flux-fields.md"
ENOUGH = 0.95


@dataclass(frozen=True)
class Row:
    """One kind: its fields, and those of them that sluice does not act on."""

    kind: str
    fields: int
    left: tuple[str, ...]


def model_of(annotation: object) -> type[ForeignModel] | None:
    """The model in an annotation such as `tuple[Patch, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, ForeignModel):
        return annotation
    for inner in get_args(annotation):
        if found := model_of(inner):
            return found
    return None


def acts_on(model: type[ForeignModel], path: Sequence[str]) -> bool:
    """Whether a model has a field, by its path, and does not just report it."""
    for name, field in model.model_fields.items():
        outside = field.alias or to_camel(name)
        if outside != path[0]:
            continue
        if outside in model.reported | getattr(model, "vital", frozenset()):
            return False
        inner = model_of(field.annotation)
        return inner is None or len(path) == 1 or acts_on(inner, path[1:])
    return False


def rows(fields: Mapping[str, Sequence[str]]) -> list[Row]:
    """One row for each of Flux's kinds."""
    models: dict[str, type[Manifest]] = {
        model.kind: model for model in COLUMNS if "toolkit.fluxcd.io" in model.api_version
    }
    found = []
    for kind, paths in sorted(fields.items()):
        model = models.get(kind)
        left = tuple(path for path in paths if model is None or not acts_on(model, path.split(".")))
        found.append(Row(kind, len(paths), left))
    return found


def share(table: Sequence[Row]) -> float:
    """What part of all fields is acted on."""
    return 1 - sum(len(row.left) for row in table) / sum(row.fields for row in table)


def page(table: Sequence[Row]) -> str:
    """The document."""
    lines = [
        "# Fields of Flux's kinds",
        "",
        f"Sluice acts on {share(table):.1%} of the fields that Flux's kinds have. Each other one is reported by its path",
        "where a manifest sets it, and stops that object where it cannot be left out. This page is made from Flux's own",
        "types and sluice's models by `python -m tests.docs.flux_fields`; a test of the lab compares it with them.",
        "",
        "| kind | fields | acted on | not acted on |",
        "|---|---|---|---|",
    ]
    for row in table:
        left = ", ".join(f"`{path.removeprefix('spec.')}`" for path in row.left)
        left = "all" if len(row.left) == row.fields else left
        lines.append(f"| {row.kind} | {row.fields} | {row.fields - len(row.left)} | {left} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page."""
    from lab.programs.flux import flux_fields

    PAGE.write_text(page(rows(flux_fields())))


if __name__ == "__main__":
    main()
