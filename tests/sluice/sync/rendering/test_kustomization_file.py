"""What a Kustomization's settings become in a `kustomization.yaml`, and where such a file leads."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.rendering.kustomization_file import PLACEHOLDER, form_of, generated, references, with_settings


def spec(**more: Any) -> KustomizationSpec:
    return KustomizationSpec.model_validate({"sourceRef": {"name": "a"}, "prune": True, **more})


def settled(document: dict[str, Any], there: bool = True, **more: Any) -> dict[str, Any]:
    return dict(with_settings(document, spec(**more), lambda path: there))


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        ([], {"name": "a", "newTag": "2"}, [{"name": "a", "newTag": "2"}]),
        (
            [{"name": "a", "newName": "r/a", "newTag": "1"}],
            {"name": "a", "newTag": "2"},
            [{"name": "a", "newName": "r/a", "newTag": "2"}],
        ),
        (
            [{"name": "a", "newTag": "1", "digest": "sha256:0"}],
            {"name": "a", "newTag": "2"},
            [{"name": "a", "newTag": "2"}],
        ),
        (
            [{"name": "a", "newTag": "1"}],
            {"name": "a", "digest": "sha256:1"},
            [{"name": "a", "digest": "sha256:1"}],
        ),
        (
            [{"name": "b", "newTag": "1"}],
            {"name": "a", "newName": "c"},
            [{"name": "b", "newTag": "1"}, {"name": "a", "newName": "c"}],
        ),
    ],
    ids=["new", "the version only", "a tag in place of a digest", "a digest in place of a tag", "another image"],
)
def test_an_image_is_changed_in_the_entry_that_names_it(there: Any, asked: Any, expected: Any) -> None:
    """A second entry of the same name has no effect: kustomize takes the first (S21)."""
    assert settled({"resources": ["x"], "images": there}, images=[asked])["images"] == expected


def test_the_settings_go_before_the_files_own_and_lists_are_added_to() -> None:
    """As Flux writes them: one prefix, not two."""
    document = {"resources": ["x"], "namePrefix": "a-", "patches": [{"path": "p.yaml"}], "components": ["c"]}
    more = {"namePrefix": "b-", "patches": [{"patch": "{}"}], "components": ["d"], "buildMetadata": ["managedByLabel"]}
    assert settled(document, **more) == {
        "resources": ["x"],
        "namePrefix": "b-",
        "patches": [{"path": "p.yaml"}, {"patch": "{}"}],
        "components": ["c", "d"],
        "buildMetadata": ["managedByLabel"],
    }


def test_a_component_that_is_missing_is_left_out_only_where_that_is_asked_for() -> None:
    """Without it kustomize names the missing directory."""
    assert settled({"resources": ["x"]}, there=False, components=["c"])["components"] == ["c"]
    assert "components" not in settled(
        {"resources": ["x"]}, there=False, components=["c"], ignoreMissingComponents=True
    )


@pytest.mark.parametrize("path", ["/etc", "https://example.org/c", "git@example.org:a/b"])
def test_a_component_of_somewhere_else_is_refused(path: str) -> None:
    """The message names the field."""
    with pytest.raises(InvalidError, match=r"spec\.components\[0\]"):
        settled({"resources": ["x"]}, components=[path])


@pytest.mark.parametrize("document", [{}, {"kind": "Kustomization"}, {"metadata": {"name": "a"}}, {"resources": []}])
def test_a_file_with_nothing_in_it_gets_a_placeholder(document: dict[str, Any]) -> None:
    """kustomize refuses an empty file; its owner means that there is nothing."""
    assert settled(document)["namespace"] == PLACEHOLDER
    assert generated([])["namespace"] == PLACEHOLDER


def test_every_field_that_leads_somewhere_is_seen() -> None:
    """What is not seen here is not fenced where the kernel cannot."""
    document = {
        "resources": ["a", "kind: ConfigMap\nmetadata: {}\n"],
        "bases": ["b"],
        "components": ["c"],
        "generators": ["d"],
        "transformers": ["e"],
        "validators": ["f"],
        "crds": ["g"],
        "configurations": ["h"],
        "patchesStrategicMerge": ["i"],
        "patches": [{"path": "j.yaml"}, {"patch": "x"}],
        "patchesJson6902": [{"path": "k"}],
        "replacements": [{"path": "l"}, {"source": {}}],
        "configMapGenerator": [{"files": ["m", "key=n"], "envs": ["o"], "env": "p"}],
        "secretGenerator": [{"files": ["auth.json=q"], "envs": ["r.txt", "s.yaml"], "literals": ["x=/etc/passwd"]}],
        "openapi": {"path": "t"},
    }
    found = {one.path: one for one in references(document)}
    assert "".join(sorted(path[0] for path in found)) == "abcdefghijklmnopqrst"
    assert [path for path, one in found.items() if one.tree] == ["a", "b", "c", "d", "e", "f"]
    assert {path: one.form for path, one in found.items() if one.form} == {
        "j.yaml": "yaml",
        "q": "json",
        "r.txt": "dotenv",
        "s.yaml": "yaml",
    }
    assert found["n"].field == "configMapGenerator[0].files[1]"


@pytest.mark.parametrize("plugin", ["helmCharts", "helmChartInflationGenerator", "helmGlobals"])
def test_plugins_that_run_programs_are_off(plugin: str) -> None:
    """With the way out."""
    with pytest.raises(InvalidError, match="HelmRelease"):
        list(references({plugin: [{"name": "x"}]}))


@pytest.mark.parametrize(
    ("path", "remote"),
    [
        ("../base", False),
        ("./a@b/c", False),
        ("a.yaml", False),
        ("https://example.org/a.yaml", True),
        ("http://example.org/a.yaml", True),
        ("ssh://git@example.org/a/b", True),
        ("git@example.org:a/b.git", True),
        ("file:///srv/mirrors/a.git", True),
        ("git::file:///srv/mirrors/a.git", True),
        ("git::https://example.org/a", True),
        ("FILE:///srv/a", True),
    ],
)
def test_what_is_somewhere_else_is_known_by_how_it_is_written(path: str, remote: bool) -> None:
    """All the ways that kustomize and git know."""
    (one,) = references({"resources": [path]})
    assert one.remote is remote


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("a.yaml", "yaml"),
        ("a.enc.YML", "yaml"),
        ("a.json", "json"),
        (".dockerconfigjson", "json"),
        (".env", "dotenv"),
        ("prod.env", "dotenv"),
        ("a.ini", "ini"),
        ("tls.key", "binary"),
        ("README", "binary"),
    ],
)
def test_the_format_is_told_by_the_name(path: str, form: str) -> None:
    """As sops does it."""
    assert form_of(path) == form
