"""What holds for every renderer: run over the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.renderers.table import RENDERERS, renderer_for
from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.objects import identity

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n"


@dataclass(frozen=True)
class Case:
    """What one renderer is given.

    Attributes:
        spec: that asks for a directory of the source.
        files: a source that renders to the ConfigMap `a` in that directory.
        broken: the same source with a file that cannot be rendered.
    """

    spec: Callable[[str], Any]
    files: dict[str, str]
    broken: dict[str, str]


def kustomization(path: str) -> KustomizationSpec:
    return KustomizationSpec.model_validate({"sourceRef": {"name": "a"}, "prune": True, "path": path})


CASES = {
    "Kustomization": Case(
        kustomization,
        {"app/a.yaml": CONFIG, "app/kustomization.yaml": "resources: [a.yaml]\n"},
        {"app/a.yaml": "a: [1\n"},
    )
}
every_kind = pytest.mark.parametrize("kind", RENDERERS)


def source(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@contextmanager
def unchanged(tree: Path) -> Iterator[None]:
    def contents() -> dict[Path, str]:
        return {path: path.read_text() for path in tree.rglob("*") if path.is_file()}

    before = contents()
    yield
    assert contents() == before


def test_every_kind_is_tried_here() -> None:
    """A row without a case would be a promise that nobody checks."""
    assert set(CASES) == set(RENDERERS)


def test_an_unknown_kind_is_refused_by_name() -> None:
    """With those that there are."""
    with pytest.raises(InvalidError, match=r"HelmRelease.*Kustomization"):
        renderer_for("HelmRelease")


@every_kind
async def test_nothing_out_of_the_source_is_rendered(kind: str, tmp_path: Path) -> None:
    """Whatever the manifest says: other teams' files are beside ours."""
    tree = source(tmp_path / "source", CASES[kind].files)
    source(tmp_path / "other", CASES[kind].files)
    with pytest.raises(InvalidError, match="leads out of the source"):
        await renderer_for(kind).render(tree, CASES[kind].spec("../other/app"))


@every_kind
async def test_a_directory_that_is_not_there_is_named(kind: str, tmp_path: Path) -> None:
    """A spelling mistake is found by its reader at once."""
    with pytest.raises(NotFoundError, match="aap"):
        await renderer_for(kind).render(source(tmp_path, CASES[kind].files), CASES[kind].spec("aap"))


@every_kind
async def test_a_missing_program_is_named_and_the_source_stays_as_it_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    tree = source(tmp_path / "source", CASES[kind].files)
    with unchanged(tree), pytest.raises(TerminalError, match="install"):
        await renderer_for(kind).render(tree, CASES[kind].spec("app"))


@pytest.mark.lab
@every_kind
async def test_objects_are_what_the_source_says(
    kind: str, tmp_path: Path, lab_env: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real program; the tree, which others read, stays as it is, also where rendering fails."""
    monkeypatch.setenv("PATH", f"{lab_env['bin']}:/usr/bin:/bin")
    tree = source(tmp_path, CASES[kind].files)
    with unchanged(tree):
        (one,) = await renderer_for(kind).render(tree, CASES[kind].spec("app"))
    assert (identity(one).kind, identity(one).name) == ("ConfigMap", "a")
    source(tree, CASES[kind].broken)
    with unchanged(tree), pytest.raises(InvalidError, match=r"a\.yaml"):
        await renderer_for(kind).render(tree, CASES[kind].spec("app"))
