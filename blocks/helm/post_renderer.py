"""What helm calls with what a chart renders: labels and annotations on all objects, and patches by kustomize.

A program of its own, started by helm: it stands in one file and needs nothing of sluice. It changes YAML as text with a
structure and takes no scalar for a value, so that what a chart writes as `0o17` or `yes` stays what it is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

HOOK = "helm.sh/hook"
STRING, NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
WITHIN = 120.0
"""Seconds for one run of kustomize."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the fast one only where its C library is
    """Takes each plain scalar for text, but for one that is empty."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to say so


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes them back as they were."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for one_of_both in (Loader, Dumper):
    one_of_both.add_implicit_resolver(NULL, re.compile(r"(?:null)?\Z"), ["", "n"])


def documents(text: str) -> list[yaml.Node]:
    """The documents of a text that have something in them."""
    found: list[yaml.Node] = [one for one in yaml.compose_all(text, Loader=Loader) if isinstance(one, yaml.MappingNode)]
    for one in found:
        fill_in(one, set())
    return found


def fill_in(node: yaml.Node, seen: set[int]) -> None:
    """Write `null` for values that are left out: an empty one would have to be quoted in some places, and become a text."""
    if id(node) in seen:
        return  # the same by an alias
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            fill_in(name, seen)
            fill_in(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            fill_in(value, seen)
    elif node.tag == NULL and not node.value:
        node.value = "null"


def written(nodes: list[yaml.Node]) -> str:
    """The documents as text; never empty, which helm takes for a failure."""
    text: str = yaml.serialize_all(nodes, Dumper=Dumper, explicit_start=True, allow_unicode=True, width=2**30)
    return text or "---\n# nothing\n"


def entry(node: yaml.Node, key: str) -> yaml.Node | None:
    """What a mapping has under a key."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def below(node: yaml.MappingNode, key: str) -> yaml.MappingNode:
    """The mapping under a key; made where there is none."""
    found = entry(node, key)
    if isinstance(found, yaml.MappingNode):
        return found
    made = yaml.MappingNode("tag:yaml.org,2002:map", [], flow_style=False)
    node.value = [(name, value) for name, value in node.value if name.value != key]
    node.value.append((yaml.ScalarNode(STRING, key), made))
    return made


def put(node: yaml.MappingNode, entries: dict[str, str]) -> None:
    """Set entries of a mapping to these texts."""
    node.flow_style = node.flow_style if node.value else False
    node.value = [(name, value) for name, value in node.value if name.value not in entries]
    for key, text in entries.items():
        node.value.append((yaml.ScalarNode(STRING, key), yaml.ScalarNode(STRING, text, style='"')))


def is_hook(node: yaml.Node) -> bool:
    """Whether an object is one of the chart's hooks."""
    meta = entry(node, "metadata")
    annotations = entry(meta, "annotations") if meta else None
    return annotations is not None and entry(annotations, HOOK) is not None


def by_kustomize(nodes: list[yaml.Node], wanted: dict[str, Any], program: str) -> list[yaml.Node]:
    """What kustomize makes of the objects."""
    if not nodes:
        return nodes
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "helm-output.yaml").write_text(written(nodes))
        head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        whole = {**head, "resources": ["helm-output.yaml"], **wanted}
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(whole))
        done = subprocess.run([program, "build", folder], capture_output=True, text=True, timeout=WITHIN, check=False)
        if done.returncode != 0:
            raise RuntimeError(
                f"spec.postRenderers: kustomize refuses: {done.stderr.replace(folder, '').strip()[-2000:]}"
            )
    return documents(done.stdout)


def rendered(text: str, plan: dict[str, Any]) -> str:
    """What the plan makes of what a chart renders."""
    everything = documents(text)
    apart = plan["strategy"] == "nohooks"
    hooks = [one for one in everything if is_hook(one)] if plan["strategy"] != "combined" else []
    nodes = [one for one in everything if one not in hooks]
    for wanted in plan["kustomizations"]:
        nodes = by_kustomize(nodes, wanted, plan["kustomize"])
        hooks = hooks if apart else by_kustomize(hooks, wanted, plan["kustomize"])
    for one in nodes if apart else [*nodes, *hooks]:
        if isinstance(one, yaml.MappingNode):
            meta = below(one, "metadata")
            for place in ("labels", "annotations"):
                if plan[place]:
                    put(below(meta, place), plan[place])
    return written([*nodes, *hooks])


def main() -> int:
    """Read what the chart renders, and write what becomes of it; why not goes into a file, which helm does not show."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    try:
        sys.stdout.write(rendered(sys.stdin.read(), plan))
    except (RuntimeError, OSError, ValueError, yaml.YAMLError, subprocess.TimeoutExpired) as error:
        Path(sys.argv[2]).write_text(str(error)[:4000])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
