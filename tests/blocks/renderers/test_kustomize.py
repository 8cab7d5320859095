"""Rendering: what people see with `kustomize build` is what is applied; a fault is told by its file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from blocks.renderers.kustomize import Kustomize
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.flux.kustomization import KustomizationSpec
from sluice.sync.objects import identity

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\ndata: {{a: b}}\n"


def spec(path: str = "", **more: Any) -> KustomizationSpec:
    return KustomizationSpec.model_validate({"sourceRef": {"name": "a"}, "prune": True, "path": path, **more})


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


async def test_a_missing_program_is_told_with_the_way_out(tmp_path: Path) -> None:
    """Nobody guesses from a stack trace what to install."""
    with pytest.raises(TerminalError, match="install kustomize"):
        await Kustomize(program="no-such-program").render(tmp_path, spec())


async def test_a_rendering_that_hangs_is_given_up(tmp_path: Path) -> None:
    """It is a transient error: the machine may have been busy."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    with pytest.raises(TransientError, match=r"more than 0\.1 s"):
        await Kustomize(program=str(slow), timeout=0.1, shut_in=False).render(tmp_path, spec())


async def test_kustomize_sees_nothing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads what strangers wrote, and fetches what they name: our tokens are not in its environment."""
    monkeypatch.setenv("SLUICE_SLACK_TOKEN", "xoxb-secret")
    told = tmp_path / "told"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nenv > {told}\n")
    program.chmod(0o755)
    assert await Kustomize(program=str(program), shut_in=False).render(tmp_path, spec()) == []
    assert "PATH=" in told.read_text()
    assert "xoxb-secret" not in told.read_text()


async def test_a_rendering_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    """The run may be cancelled at any time; its kustomize goes with it."""
    slow, number = tmp_path / "slow", tmp_path / "pid"
    slow.write_text(f"#!/bin/sh\necho $$ > {number}.new && mv {number}.new {number}\nexec sleep 30\n")
    slow.chmod(0o755)
    kustomize = Kustomize(program=str(slow), shut_in=False)  # it says outside of the source who it is
    run = asyncio.create_task(kustomize.render(tree(tmp_path / "source", {"a": ""}), spec()))
    while not number.exists():
        await asyncio.sleep(0.005)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


@pytest.mark.parametrize("path", ["../other", "/../other", "a/../../other", "out"])
async def test_a_path_out_of_the_source_is_refused(tmp_path: Path, path: str) -> None:
    """By dots, or by a link."""
    (tmp_path / "other").mkdir()
    source = tree(tmp_path / "source", {"a/x.yaml": CONFIG.format("x")})
    (source / "out").symlink_to("../other")
    with pytest.raises(InvalidError, match="leads out of the source"):
        await Kustomize(program="never-started").render(source, spec(path))


@pytest.mark.parametrize("path", ["nowhere", "a/x.yaml"])
async def test_a_path_that_is_no_directory_is_named(tmp_path: Path, path: str) -> None:
    """The message names the field and its value."""
    source = tree(tmp_path, {"a/x.yaml": CONFIG.format("x")})
    with pytest.raises(NotFoundError, match=rf"spec\.path '{path}'"):
        await Kustomize(program="never-started").render(source, spec(path))


async def names(renderer: Kustomize, source: Path, wanted: KustomizationSpec) -> list[str]:
    return sorted(str(identity(one)) for one in await renderer.render(source, wanted))


@pytest.mark.lab
async def test_a_kustomization_yaml_says_what_is_rendered(tmp_path: Path, kustomize: Kustomize) -> None:
    """Bases beside the directory, generators and name prefixes, as on anybody's machine; other files do not count."""
    source = tree(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [x.yaml]\n",
            "base/x.yaml": CONFIG.format("x"),
            "prod/kustomization.yml": "namePrefix: p-\nresources: [../base]\n",
            "prod/unused.yaml": CONFIG.format("unused"),
        },
    )
    before = sorted(source.rglob("*"))
    assert await names(kustomize, source, spec("./prod")) == ["ConfigMap p-x"]
    assert sorted(source.rglob("*")) == before, "the shared tree was written to"


@pytest.mark.lab
async def test_a_plain_directory_is_taken_file_by_file_as_in_flux(tmp_path: Path, kustomize: Kustomize) -> None:
    """YAML files at any depth; a directory with a kustomization of its own as a whole; a forge's own files not at all."""
    source = tree(
        tmp_path,
        {
            "a.yaml": CONFIG.format("a") + "---\n" + CONFIG.format("a2"),
            "deep/er/b.yml": CONFIG.format("b"),
            "team/kustomization.yaml": "namePrefix: t-\nresources: [c.yaml]\n",
            "team/c.yaml": CONFIG.format("c"),
            "team/unused.yaml": CONFIG.format("unused"),
            ".github/workflows/ci.yaml": "on: push\n",
            ".pipeline.yaml": "on: push\n",
            "README.md": "# no manifest\n",
        },
    )
    expected = ["ConfigMap a", "ConfigMap a2", "ConfigMap b", "ConfigMap t-c"]
    assert await names(kustomize, source, spec()) == expected
    assert await names(kustomize, source, spec("/deep")) == ["ConfigMap b"]


@pytest.mark.lab
async def test_the_settings_of_the_manifest_are_laid_over(tmp_path: Path, kustomize: Kustomize) -> None:
    """Namespace, prefix and suffix, labels and annotations, images and patches of the Kustomization object."""
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop, namespace: other}\nspec:\n"
        "  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n"
        "    spec: {containers: [{name: shop, image: shop}]}\n"
    )
    more = {
        "targetNamespace": "team",
        "namePrefix": "a-",
        "nameSuffix": "-z",
        "commonMetadata": {"labels": {"l": "1"}, "annotations": {"note": "2"}},
        "images": [{"name": "shop", "newName": "registry.example/shop", "newTag": "1.10"}],
        "patches": [
            {"patch": '[{"op": "add", "path": "/spec/replicas", "value": 3}]', "target": {"kind": "Deployment"}}
        ],
    }
    (one,) = await kustomize.render(tree(tmp_path, {"d.yaml": deployment}), spec(**more))
    assert one["metadata"] == {
        "name": "a-shop-z",
        "namespace": "team",
        "labels": {"l": "1"},
        "annotations": {"note": "2"},
    }
    assert one["spec"]["replicas"] == 3
    assert one["spec"]["selector"] == {"matchLabels": {"app": "shop"}}, "a selector cannot be changed later"
    assert one["spec"]["template"]["metadata"] == {"labels": {"app": "shop"}}, "a note has become a release"
    assert one["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/shop:1.10"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"good.yaml": CONFIG.format("a"), "apps/bad.yaml": "a: [1\n"}, r"apps/bad\.yaml"),
        ({"kustomization.yaml": "resources: [gone.yaml]\n"}, r"gone\.yaml"),
        ({"kustomization.yaml": "resources: [../../../../../../../../etc]\n"}, "etc"),
        ({"a.yaml": CONFIG.format("same"), "b.yaml": CONFIG.format("same")}, "same"),
    ],
    ids=["bad yaml", "missing", "outside", "twice"],
)
async def test_a_fault_is_told_by_its_file(
    tmp_path: Path, kustomize: Kustomize, files: dict[str, str], named: str
) -> None:
    """In kustomize's words, without the paths of our temporary directory."""
    with pytest.raises(InvalidError, match=named) as caught:
        await kustomize.render(tree(tmp_path, files), spec())
    assert "sluice-render-" not in str(caught.value)


@pytest.mark.lab
async def test_nothing_to_apply_is_nothing(tmp_path: Path, kustomize: Kustomize) -> None:
    """A directory without manifests is what its owner has left of it."""
    assert await kustomize.render(tree(tmp_path, {"README.md": "soon"}), spec()) == []
