"""In a cluster of somebody's own the demo deletes nothing that it did not make, and leaves others' kinds as they are."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from lab.api.access import Access
from lab.api.blocking import BlockingApi
from lab.api.paths import path, path_of
from lab.errors import LabError
from lab.product.application import APPS
from lab.product.cluster import MARK, ProductCluster
from sluice.manifests.crd import crds

pytestmark = pytest.mark.lab
Object = dict[str, Any]
WITHIN = 30


@pytest.fixture
def here(lab_env: Object) -> Iterator[BlockingApi]:
    with BlockingApi(Access.of_context(Path(lab_env["kubeconfig"]), lab_env["context"])) as here:
        yield here


def own(lab_env: Object, name: str) -> ProductCluster:
    return ProductCluster(Path(lab_env["kubeconfig"]), lab_env["context"], name)


def test_a_namespace_that_is_not_the_demo_s_is_refused(lab_env: Object, here: BlockingApi) -> None:
    """The demo begins by deleting it; who marks it says that it may go."""
    name = f"precious-{uuid4().hex[:5]}"
    meta: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster = own(lab_env, name)
    cluster.refuse_others()
    here.do(here.api.create(meta))
    try:
        with pytest.raises(LabError, match=f"namespace {name} of this cluster is not the demo's.*{MARK}=true"):
            cluster.refuse_others()
        here.do(here.api.patch(path("namespaces", name=name), {"metadata": {"labels": {MARK: "true"}}}))
        cluster.refuse_others()
    finally:
        here.do(here.api.delete(path("namespaces", name=name)))


def test_the_demo_s_own_namespace_has_the_mark() -> None:
    """Else a second demo would refuse what the first has left."""
    made = yaml.safe_load((APPS / "cluster" / "namespace.yaml").read_text())
    assert made["metadata"]["labels"][MARK] == "true"


def test_kinds_that_somebody_else_installed_stay_as_they_are(
    lab_env: Object, here: BlockingApi, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the demo are brought up to date."""
    group = f"g{uuid4().hex[:5]}.example.com"
    theirs, ours = (renamed(one, group) for one in crds()[:2])
    here.do(here.api.create(theirs))
    try:
        cluster = own(lab_env, "default")
        changed = yaml.safe_dump_all([described(theirs), described(ours)])
        for _ in range(2):
            cluster.apply_kinds(changed, WITHIN, keep_others=True)
        found = [here.do(here.api.get(path_of(one))) for one in (theirs, ours)]
        assert ["ours" in one["metadata"].get("labels", {}) for one in found] == [False, True]
        said = capsys.readouterr()
        assert f"kept as it is: {theirs['metadata']['name']}" in said.out + said.err
    finally:
        for one in (theirs, ours):
            here.do(here.api.delete(path_of(one)))


def renamed(definition: Object, group: str) -> Object:
    """A kind of a group that nobody has."""
    it = deepcopy(definition)
    it["metadata"] = {"name": f"{it['spec']['names']['plural']}.{group}"}
    it["spec"]["group"] = group
    return it


def described(definition: Object) -> Object:
    return {**definition, "metadata": {**definition["metadata"], "labels": {"ours": "true"}}}
