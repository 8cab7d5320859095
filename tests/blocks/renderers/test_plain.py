"""A directory of plain manifests is read as kustomize would give it back; whatever is less plain is left to kustomize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blocks.renderers.kustomize import Kustomize
from blocks.renderers.plain import plain
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.objects import identity
from tests.blocks.renderers.test_kustomize import CONFIG, spec, tree

ORDINARY = {
    "app/a.yaml": CONFIG.format("a") + "---\n# nothing here\n---\n" + CONFIG.format("b"),
    "app/below/c.yml": CONFIG.format("c"),
    "app/.github/workflow.yaml": "on: push\n",
    "app/notes.txt": "not a manifest",
    "app/odd.yaml": CONFIG.format("odd").replace("a: b", "why: 'on', time: '12:30', date: '2024-01-01'"),
    "app/crd.yaml": (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: t.x.io}\n"
        'spec: {versions: [{schema: {enum: ["!=", "="], of: =, at: 12:30, many: 1e3, file: 0644}}]}\n'
    ),
    "other/kustomization.yaml": "resources: []\n",
}


def read(tmp_path: Path, files: dict[str, str], **more: Any) -> Any:
    return plain(tree(tmp_path, files), spec("app", **more))


def test_ordinary_manifests_need_no_program(tmp_path: Path) -> None:
    """Of the directory and those below; in the words of Kubernetes' own tools."""
    found = read(tmp_path, ORDINARY)
    assert [str(identity(one)) for one in found] == [
        "ConfigMap a",
        "ConfigMap b",
        "ConfigMap c",
        "CustomResourceDefinition t.x.io",
        "ConfigMap odd",
    ]
    schema = found[3]["spec"]["versions"][0]["schema"]
    assert schema["of"] == "="
    assert (schema["at"], schema["many"]) == ("12:30", 1000)


@pytest.mark.lab
async def test_it_is_what_kustomize_gives_back(tmp_path: Path, lab_env: dict[str, Any]) -> None:
    """By the program itself."""
    program = Kustomize(program=f"{lab_env['bin']}/kustomize")
    whole: KustomizationSpec = spec("app")
    ours = plain(tree(tmp_path, ORDINARY), whole)
    theirs = await program._by_program(tmp_path, whole)
    assert ours is not None
    assert sorted(map(repr, map(sorted_keys, ours))) == sorted(map(repr, map(sorted_keys, theirs)))


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"app/kustomization.yaml": "resources: [a.yaml]\n"}, id="a kustomization.yaml"),
        pytest.param({"app/below/kustomization.yaml": "resources: []\n"}, id="one below"),
        pytest.param({"app/z.yaml": "a: [1\n"}, id="broken YAML"),
        pytest.param({"app/z.yaml": "kind: Nothing\n"}, id="no object"),
        pytest.param({"app/z.yaml": "- a\n"}, id="no mapping"),
        pytest.param({"app/z.yaml": CONFIG.format("a")}, id="one object twice"),
        pytest.param({"app/z.yaml": CONFIG.format("z").replace("a: b", "a: 2024-01-01")}, id="a date"),
        pytest.param({"app/z.yaml": CONFIG.format("z").replace("a: b", "a: &b c, d: *b")}, id="an alias"),
        pytest.param({"app/z.yaml": CONFIG.format("z") + "data: {c: d}\n"}, id="one key twice"),
        pytest.param({"app/z.yaml": CONFIG.format("z").replace("a: b", "1: b")}, id="a key that is no text"),
        pytest.param(
            {"app/z.yaml": "apiVersion: v1\nkind: ConfigMapList\nmetadata: {name: x}\nitems: []\n"}, id="a list"
        ),
        pytest.param(
            {
                "app/z.yaml": CONFIG.format(
                    "z, annotations: {{config.kubernetes.io/local-config: 'true'}}".replace("{{", "{").replace(
                        "}}", "}"
                    )
                )
            },
            id="for this machine only",
        ),
    ],
)
def test_what_is_less_plain_is_left_to_the_program(tmp_path: Path, files: dict[str, str]) -> None:
    """It says what is wrong, or does what is asked."""
    assert read(tmp_path, {**ORDINARY, **files}) is None


@pytest.mark.parametrize(
    "asked",
    [
        {"targetNamespace": "x"},
        {"namePrefix": "x-"},
        {"patches": [{"patch": "[]"}]},
        {"images": [{"name": "a", "newTag": "2"}]},
        {"components": ["../other"]},
        {"components": ["../other"], "ignoreMissingComponents": True},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_a_kustomization_asks_for_is_the_programs(tmp_path: Path, asked: dict[str, Any]) -> None:
    """One setting is enough."""
    try:
        assert read(tmp_path, ORDINARY, **asked) is None
    finally:
        assert read(tmp_path, ORDINARY) is not None


def test_links_and_paths_that_lead_out_are_the_programs(tmp_path: Path) -> None:
    """It refuses them by name."""
    tree(tmp_path, ORDINARY)
    (tmp_path / "app" / "link.yaml").symlink_to(tmp_path / "app" / "a.yaml")
    assert plain(tmp_path, spec("app")) is None
    assert plain(tmp_path, spec("../..")) is None
    assert plain(tmp_path, spec("not-there")) is None
