"""What a rendering is given from the cluster: variables of the Kustomization's own namespace, in Flux's order."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from blocks.renderers.base import Means
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.objects import Object
from tasks.sync.rendering import render
from tests.connected import connected
from tests.memory_cluster import MemoryCluster

NS = "team"
PARTS: dict[str, Any] = {"router": None, "metrics": None, "gates": None}


class Noted:
    """Stands where kustomize does, and notes what it is given."""

    def __init__(self) -> None:
        self.means: list[Means] = []

    def __call__(self, kind: str) -> Noted:
        assert kind == "Kustomization"
        return self

    async def render(self, tree: Path, spec: Any, means: Means) -> list[Object]:
        self.means.append(means)
        return []


def stored(kind: str, name: str, namespace: str = NS, **data: str) -> Object:
    if kind == "Secret":
        data = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data}


async def variables(cluster: MemoryCluster, post_build: Any) -> Any:
    spec = {"sourceRef": {"name": "a"}, "prune": True, **({"postBuild": post_build} if post_build is not None else {})}
    kustomization = Kustomization.parse({"metadata": {"name": "app", "namespace": NS}, "spec": spec})
    noted = Noted()
    async with connected(cluster, renderer=noted, **PARTS) as wired:
        await render(wired, kustomization, Path("/nowhere"))
    return noted.means[0].variables


def source(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": name, **more}


async def test_what_is_written_in_the_manifest_goes_before_and_later_before_earlier() -> None:
    """As in Flux; a newline at the end of a value is none of it."""
    cluster = MemoryCluster()
    cluster.add(stored("ConfigMap", "one", a="1", b="1", c="1"), stored("Secret", "two", b="2\n", c="2"))
    wanted = {"substitute": {"c": "3"}, "substituteFrom": [source("ConfigMap", "one"), source("Secret", "two")]}
    assert await variables(cluster, wanted) == {"a": "1", "b": "2", "c": "3"}


async def test_without_variables_nothing_is_put_in_unless_always() -> None:
    """A `${x}` of a script stays, as in Flux, where nobody asked for variables."""
    cluster = MemoryCluster()
    assert await variables(cluster, None) is None
    assert await variables(cluster, {}) is None
    assert await variables(cluster, {"substituteStrategy": "Always"}) == {}


async def test_what_is_missing_is_named_unless_it_is_optional() -> None:
    """Of this namespace only: another team's ConfigMap of that name is not there."""
    cluster = MemoryCluster()
    cluster.add(stored("ConfigMap", "one", "other", a="1"))
    wanted = source("ConfigMap", "one")
    with pytest.raises(NotFoundError, match=r"substituteFrom\[0\] ConfigMap team/one is not there.*optional: true"):
        await variables(cluster, {"substituteFrom": [wanted]})
    assert await variables(cluster, {"substituteFrom": [{**wanted, "optional": True}]}) is None


async def test_a_name_or_value_that_cannot_be_a_variable_is_refused_without_the_value() -> None:
    """A key like `tls.crt` is no name, and a binary value no text."""
    cluster = MemoryCluster()
    binary = stored("Secret", "binary")
    binary["data"] = {"a": base64.b64encode(b"\xff\xfehunter2").decode()}
    cluster.add(stored("Secret", "dotted", **{"tls.crt": "hunter2"}), binary)
    for name, said in (("dotted", r"'tls\.crt' cannot be"), ("binary", r"the value of 'a' is not text")):
        with pytest.raises(InvalidError, match=said) as caught:
            await variables(cluster, {"substituteFrom": [source("Secret", name)]})
        assert "hunter2" not in str(caught.value)
