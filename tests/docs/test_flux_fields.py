"""How the table of Flux's fields finds out what is acted on."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.meta import ForeignModel
from tests.docs.flux_fields import Row, acts_on, model_of, page, share


class Inner(ForeignModel):
    reported: ClassVar[frozenset[str]] = frozenset({"onlyShown"})
    obeyed: str = ""
    only_shown: str = ""


class Outer(ForeignModel):
    one: Inner = Inner()
    many: tuple[Inner, ...] | None = None
    open: dict[str, Any] = Field(default_factory=dict)


def test_a_field_is_acted_on_where_a_model_has_it_and_does_not_only_report_it() -> None:
    assert acts_on(Outer, ["one", "obeyed"])
    assert acts_on(Outer, ["many", "obeyed"])
    assert acts_on(Outer, ["open", "anything"])
    assert not acts_on(Outer, ["many", "onlyShown"])
    assert not acts_on(Outer, ["one", "unknown"])
    assert not acts_on(Outer, ["unknown"])
    assert model_of(tuple[Inner, ...] | None) is Inner


def test_real_models_are_read_so() -> None:
    assert acts_on(GitRepository, ["spec", "ref", "branch"])
    assert not acts_on(GitRepository, ["spec", "noSuchField"])


def test_the_page_counts() -> None:
    table = [Row("A", 3, ("spec.x.y",)), Row("B", 1, ("spec.z",))]
    assert share(table) == 0.5
    assert "| A | 3 | 2 | `x.y` |" in page(table)
    assert "| B | 1 | 0 | all |" in page(table)
