"""The fence around a source: whatever is in it, nothing of others is rendered, and the worker lives on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.renderers import confined, fence
from blocks.renderers.base import Means
from blocks.renderers.fence import named, own_copy
from blocks.renderers.kustomize import Kustomize
from blocks.renderers.program import Call, Limits, Reach
from sluice.errors import InvalidError, TransientError
from tests.blocks.renderers.test_kustomize import CONFIG, names, spec, tree

MIB = 1024**2
PYTHON = (Path(sys.base_prefix), Path(sys.prefix))
landlocked = pytest.mark.skipif(not confined.version(), reason="this kernel has no Landlock: the scan is the fence")


def led_to(root: Path, files: dict[str, str], remote: bool = True) -> list[str]:
    return [str(one.path.relative_to(root)) for one in named(root, tree(root, files) / "app", remote=remote)]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("resources: [../../other]", r"resources\[0\]"),
        ("resources: [a.yaml, /etc/passwd]", r"resources\[1\]"),
        ("resources: [../app/../../other/app]", r"resources\[0\]"),
        ("components: [../../other]", r"components\[0\]"),
        ("patches: [{path: ../../other/p.yaml}]", r"patches\[0\]\.path"),
        ("secretGenerator: [{name: s, files: [k=../../other/key]}]", r"secretGenerator\[0\]\.files\[0\]"),
        ("configMapGenerator: [{name: s, envs: [../../other/.env]}]", r"configMapGenerator\[0\]\.envs\[0\]"),
        ("openapi: {path: ../../other/schema.json}", r"openapi\.path"),
        ("x: &a {files: [k=/etc/shadow]}\nsecretGenerator: [{name: s, <<: *a}]", r"secretGenerator\[0\]\.files\[0\]"),
    ],
)
def test_a_path_out_of_the_source_is_refused_with_its_field(tmp_path: Path, text: str, field: str) -> None:
    """Other teams' sources are next to ours (S30)."""
    root = tmp_path / "source"
    with pytest.raises(InvalidError, match=rf"app/kustomization\.yaml: {field} .*leads out of the source"):
        led_to(root, {"app/kustomization.yaml": text})


@pytest.mark.parametrize(
    "path",
    [
        "file:///srv/mirrors/0a1b.git",
        "git::file:///srv/mirrors/0a1b.git",
        "ssh://git@example.org/a/b",
        "git@example.org:a/b",
        "http://example.org/a.yaml",
        "s3::https://bucket/a",
    ],
)
def test_nothing_of_somewhere_else_comes_but_over_https(tmp_path: Path, path: str) -> None:
    """No mirrors of this machine, no key of ours for ssh (S30)."""
    with pytest.raises(InvalidError, match=r"base/kustomization\.yaml: resources\[0\] .*only https:// is fetched"):
        led_to(
            tmp_path,
            {"app/kustomization.yaml": "bases: [../base]", "base/kustomization.yaml": f"resources: ['{path}']"},
        )


def test_https_may_be_switched_off(tmp_path: Path) -> None:
    """As Flux's `--no-remote-bases`; the message names the setting."""
    files = {"app/kustomization.yaml": "resources: ['https://example.org/a.yaml']"}
    assert led_to(tmp_path, files) == []
    with pytest.raises(InvalidError, match="SLUICE_REMOTE_BASES"):
        led_to(tmp_path, files, remote=False)


def test_what_leads_on_is_followed_once(tmp_path: Path) -> None:
    """A circle ends; kustomize says what is wrong with it."""
    files = {
        "app/kustomization.yaml": "resources: [../base, a.yaml]\npatches: [{path: gone.yaml}]",
        "app/a.yaml": CONFIG.format("a"),
        "base/kustomization.yaml": "resources: [../app]",
    }
    assert led_to(tmp_path, files) == ["base", "app/a.yaml", "app"]


@pytest.mark.parametrize("aim", ["../other/secret", "/etc/passwd", "sub/back"])
def test_a_link_out_of_the_source_is_refused(tmp_path: Path, aim: str) -> None:
    """Each alone may seem to stay: the chain is followed to its end."""
    source = tree(tmp_path / "source", {"sub/x": ""})
    tree(tmp_path / "other", {"secret": "s"})
    (source / "sub/back").symlink_to("../../other/secret")
    (source / "link").symlink_to(aim)
    with pytest.raises(InvalidError, match="symbolic link that leads out"):
        own_copy(source, tmp_path / "copy")


def test_links_within_the_source_stay_links(tmp_path: Path) -> None:
    """And the copy shares the files until one of them is written."""
    source = tree(tmp_path / "source", {"sub/x": "1"})
    (source / "link").symlink_to("sub/x")
    (source / "dir").symlink_to("sub")
    own_copy(source, tmp_path / "copy")
    assert (tmp_path / "copy/link").read_text() == (tmp_path / "copy/dir/x").read_text() == "1"
    assert os.path.samefile(source / "sub/x", tmp_path / "copy/sub/x")


async def test_a_manifest_of_a_gibibyte_is_refused_by_its_name(tmp_path: Path) -> None:
    """Before anything reads it; it takes no room on the disk here, and none in memory."""
    huge = tree(tmp_path, {"app/a.yaml": CONFIG.format("a")}) / "app/huge.yaml"
    with huge.open("wb") as file:
        file.truncate(1024 * MIB)
    with pytest.raises(InvalidError, match=r"app/huge\.yaml has 1,024 MiB, 64 MiB are the most"):
        await Kustomize(program="never-started").render(tmp_path, spec("app"))
    tree(tmp_path, {"app/kustomization.yaml": "resources: [huge.yaml]"})
    with pytest.raises(InvalidError, match=r"app/huge\.yaml has 1,024 MiB"):
        await Kustomize(program="never-started").render(tmp_path, spec("app"))


def test_a_list_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that name each other many times are looked at so often and no more."""
    monkeypatch.setattr(fence, "PLACES", 3)
    files = {"app/kustomization.yaml": "resources: [a, a, a, a]", "app/a": ""}
    with pytest.raises(InvalidError, match="more than 3 files"):
        led_to(tmp_path, files)


@pytest.mark.parametrize(
    "text", ["a: [1", "resources: !!python/object:os.system {}", "[" * 5000, "a: 1\n" * 300_000, "resources: {a: b}"]
)
async def test_a_broken_kustomization_yaml_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    """Broken, with tags, nested without end, too large, or with a field of another form."""
    with pytest.raises(InvalidError, match=r"app/kustomization\.yaml"):
        await Kustomize(program="never-started").render(tree(tmp_path, {"app/kustomization.yaml": text}), spec("app"))


def call(script: str, **more: Any) -> Call:
    return Call("python", sys.executable, ("-c", script), {"PATH": os.environ["PATH"]}, **more)


async def test_output_without_end_is_cut_off(tmp_path: Path) -> None:
    """The worker holds all rollouts: it takes in so much and no more, and the program is gone afterwards."""
    endless = call(
        "import os\nprint(os.getpid(), flush=True)\nwhile True: print('x' * 100000)", limits=Limits(output=MIB)
    )
    with pytest.raises(InvalidError, match="more than 1 MiB"):
        await endless.run()


async def test_what_it_says_without_end_is_cut_off_too() -> None:
    """An error message is as good a way to fill somebody else's memory."""
    code, _, said = await call("import sys\nfor _ in range(99): sys.stderr.write('x' * 100000)\nsys.exit(3)").run()
    assert (code, len(said)) == (3, 64 * 1024)


async def test_memory_without_end_is_refused_by_the_kernel() -> None:
    """The one process fails, not the machine."""
    code, _, said = await call("b'x' * (1 << 30)", reach=Reach(read=PYTHON), limits=Limits(memory=200 * MIB)).run()
    assert code
    assert "MemoryError" in said


async def test_time_without_end_ends() -> None:
    """With all processes that it started."""
    with pytest.raises(TransientError, match=r"python took more than 0\.5 s"):
        await call("import time; time.sleep(60)", limits=Limits(seconds=0.5)).run()


@landlocked
@pytest.mark.parametrize(
    "act",
    [
        "open({secret!r}).read()",
        "os.listdir({folder!r})",
        "open({folder!r} + '/new', 'w')",
        "os.unlink({secret!r})",
        "os.symlink({secret!r}, {own!r} + '/l'); open({own!r} + '/l').read()",
        "subprocess.run(['cat', {secret!r}], check=True)",
        "socket.create_connection(('127.0.0.1', 9), 1)",
    ],
)
async def test_a_program_that_is_shut_in_reaches_nothing_else(tmp_path: Path, act: str) -> None:
    """Whatever a source makes it do: read, list, write, delete, follow links, start others, talk to our ports."""
    folder, own = tmp_path / "others", tmp_path / "own"
    tree(folder, {"secret": "s"})
    own.mkdir()
    fill = act.format(secret=str(folder / "secret"), folder=str(folder), own=str(own))
    script = (
        f"import os, socket, subprocess, sys\ntry: {fill}\nexcept PermissionError: sys.exit(42)\n"
        "except subprocess.CalledProcessError: sys.exit(42)"
    )
    code, _, said = await call(script, reach=Reach(read=PYTHON, write=(own,))).run()
    assert code == 42, said
    assert (folder / "secret").read_text() == "s"


@landlocked
async def test_a_program_that_is_shut_in_can_do_its_work(tmp_path: Path) -> None:
    """Read what it is given, write where it may, start the system's programs."""
    own = tmp_path / "own"
    own.mkdir()
    file = str(own / "x")
    script = f"import subprocess\nopen({file!r}, 'w').write('1')\nsubprocess.run(['cat', {file!r}], check=True)"
    reach = Reach(read=PYTHON, write=(own,))
    assert (await call(script, reach=reach).run())[:2] == (0, b"1")


def test_the_door_needs_nothing_of_ours() -> None:
    """It is started alone, without our packages: what it takes to start is what each rendering pays."""
    wanted = json.dumps({"limits": {}, "read": ["/"], "write": [], "ports": None})
    command = [sys.executable, "-I", "-S", confined.__file__, wanted, "/bin/echo", "here"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr


@pytest.mark.lab
async def test_an_image_that_the_source_renames_is_found_by_its_name_there(
    tmp_path: Path, kustomize: Kustomize
) -> None:
    """As with Flux: `spec.images` says `shop`, and the file says that `shop` is `registry.example/shop` (S21)."""
    deployment = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n"
        "  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n"
        "    spec: {containers: [{name: shop, image: shop}]}\n"
    )
    files = {
        "d.yaml": deployment,
        "kustomization.yaml": "resources: [d.yaml]\nimages: [{name: shop, newName: registry.example/shop, newTag: 1.10}]\n",
    }
    (one,) = await kustomize.render(tree(tmp_path, files), spec(images=[{"name": "shop", "newTag": "1.20"}]))
    assert one["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/shop:1.20"
    assert (tmp_path / "kustomization.yaml").read_text() == files["kustomization.yaml"], (
        "the shared tree was written to"
    )


@pytest.mark.lab
async def test_files_of_the_whole_source_may_be_named(tmp_path: Path, kustomize: Kustomize) -> None:
    """As with Flux; the program on its own would refuse a patch of a directory next to it."""
    files = {
        "app/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: ../patches/p.yaml}]\n",
        "app/a.yaml": CONFIG.format("a"),
        "patches/p.yaml": CONFIG.format("a").replace("a: b", "a: patched"),
    }
    if not confined.version():
        pytest.skip("this kernel has no Landlock: kustomize's own restriction holds")
    (one,) = await kustomize.render(tree(tmp_path, files), spec("app"))
    assert one["data"] == {"a": "patched"}


@pytest.mark.lab
async def test_a_way_around_the_scan_ends_at_the_fence(tmp_path: Path, kustomize: Kustomize) -> None:
    """A generator's own file names what lies outside: the scan reads no such files, the kernel and kustomize do."""
    tree(tmp_path / "other", {"secret": "hunter2"})
    generator = (
        "apiVersion: builtin\nkind: SecretGenerator\nmetadata: {name: s}\n"
        f"files: [{tmp_path}/other/secret, ../../../../../..{tmp_path}/other/secret]\n"
    )
    source = tree(tmp_path / "source", {"kustomization.yaml": "generators: [g.yaml]\n", "g.yaml": generator})
    with pytest.raises(InvalidError, match=r"kustomize refuses the source") as caught:
        await kustomize.render(source, spec())
    assert "hunter2" not in str(caught.value)


def bomb(levels: int) -> dict[str, str]:
    """Each level has the one below ten times, by other names."""
    files = {"l0/kustomization.yaml": "resources: [a.yaml]\n", "l0/a.yaml": CONFIG.format("a")}
    for level in range(1, levels + 1):
        for copy in range(10):
            files[f"l{level}/c{copy}/kustomization.yaml"] = f"namePrefix: p{copy}-\nresources: [../../l{level - 1}]\n"
        files[f"l{level}/kustomization.yaml"] = f"resources: [{', '.join(f'c{copy}' for copy in range(10))}]\n"
    return files


@pytest.mark.lab
async def test_a_bomb_of_overlays_ends(tmp_path: Path, kustomize: Kustomize) -> None:
    """Ten to the seventh objects of a few lines: its time or its memory is over, and the message says which."""
    small = Kustomize(program=kustomize.program, timeout=6, limits=Limits(memory=256 * MIB))
    with pytest.raises((InvalidError, TransientError), match="more than"):
        await small.render(tree(tmp_path, bomb(7)), spec("l7"))


@pytest.mark.lab
async def test_aliases_of_aliases_are_refused(tmp_path: Path, kustomize: Kustomize) -> None:
    """A few lines of YAML that are a gigabyte when they are written out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  " + "\n  ".join(lines)
    small = Kustomize(program=kustomize.program, timeout=10, limits=Limits(memory=256 * MIB))
    with pytest.raises((InvalidError, TransientError), match="kustomize"):
        await small.render(tree(tmp_path, {"a.yaml": text}), spec())
    lines = [line.strip() for line in lines]
    with pytest.raises((InvalidError, TransientError), match="kustomiz"):
        await small.render(tree(tmp_path / "b", {"kustomization.yaml": "\n".join(lines)}), spec())


@pytest.mark.lab
async def test_a_component_is_applied_and_a_missing_one_is_left_out_if_asked(
    tmp_path: Path, kustomize: Kustomize
) -> None:
    """By its path from the directory, as in Flux."""
    files = {
        "app/a.yaml": CONFIG.format("a"),
        "parts/x/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -x\n",
    }
    source = tree(tmp_path, files)
    there = {"components": ["../parts/x", "../parts/gone"]}
    assert await names(kustomize, source, spec("app", **there, ignoreMissingComponents=True)) == ["ConfigMap a-x"]
    with pytest.raises(InvalidError, match="gone"):
        await kustomize.render(source, spec("app", **there))


@pytest.mark.lab
async def test_patches_find_their_targets_as_in_flux(tmp_path: Path, kustomize: Kustomize) -> None:
    """By pattern, by label, by name before the file's own prefix; strategic and JSON patches."""
    labelled = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, labels: {tier: web}}\ndata: {a: b}\n"
    files = {
        "kustomization.yaml": "namePrefix: p-\nresources: [a.yaml, b.yaml, c.yaml]\n",
        "a.yaml": labelled.replace("NAME", "alpha"),
        "b.yaml": CONFIG.format("alphabet"),
        "c.yaml": CONFIG.format("gamma"),
    }
    patches = [
        {"patch": "- {op: add, path: /data/json, value: '1'}", "target": {"kind": "ConfigMap", "name": "alpha.*"}},
        {"patch": "- {op: add, path: /data/label, value: '1'}", "target": {"labelSelector": "tier=web"}},
        {"patch": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gamma}\ndata: {strategic: '1'}"},
        {"patch": "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: alphabet}"},
    ]
    found = {
        one["metadata"]["name"]: one["data"]
        for one in await kustomize.render(tree(tmp_path, files), spec(patches=patches))
    }
    assert found == {"p-alpha": {"a": "b", "json": "1", "label": "1"}, "p-gamma": {"a": "b", "strategic": "1"}}


@pytest.mark.lab
async def test_where_an_object_comes_from_is_noted_on_request(tmp_path: Path, kustomize: Kustomize) -> None:
    """`spec.buildMetadata`, as kustomize has it."""
    (one,) = await kustomize.render(
        tree(tmp_path, {"a.yaml": CONFIG.format("a")}), spec(buildMetadata=["originAnnotations"])
    )
    assert one["metadata"]["annotations"]["config.kubernetes.io/origin"].strip() == "path: a.yaml"


@pytest.mark.lab
async def test_variables_reach_what_patches_brought(tmp_path: Path, kustomize: Kustomize) -> None:
    """Of the Kustomization itself (fluxcd/kustomize-controller#1543)."""
    patches = [{"patch": "- {op: add, path: /data/tag, value: '${tag}'}", "target": {"kind": "ConfigMap"}}]
    source = tree(tmp_path, {"a.yaml": CONFIG.format("a")})
    (one,) = await kustomize.render(source, spec(patches=patches), Means(variables={"tag": "v1.2.3"}))
    assert one["data"] == {"a": "b", "tag": "v1.2.3"}
