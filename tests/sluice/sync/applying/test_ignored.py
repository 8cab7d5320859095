"""What `spec.ignore` names stays as it is in the cluster, also if others set it, and no other field is given up for that."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.ignoring import IgnoreRule, refuse_rules
from sluice.sync.applying.ignored import yielding

Object = dict[str, Any]
APP = {'k:{"name":"app"}': {".": {}, "f:name": {}, "f:image": {}}}


def deployment(*, replicas: int | None = 2, image: str = "shop:1", **template: Any) -> Object:
    spec: Object = {"template": {"spec": {"containers": [{"name": "app", "image": image}], **template}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "team"},
        "spec": spec,
    }


def entry(manager: str, fields: Object, operation: str = "Apply", **more: str) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


def live(manifest: Object, *entries: Object) -> Object:
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "7", "managedFields": list(entries)}}


REPLICAS = {"f:spec": {"f:replicas": {}}}
OURS = entry("sluice", {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": APP}}}})


def yielded(manifest: Object, there: Object, *pointers: str, takes: bool = True) -> Object:
    return yielding(manifest, there, pointers, "sluice", takes=takes)


@pytest.mark.parametrize(
    "other",
    [
        entry("vpa", REPLICAS),
        entry("kube-controller-manager", REPLICAS, "Update", subresource="scale"),
        entry("operator", REPLICAS, "Update"),
    ],
    ids=lambda one: one["manager"],
)
def test_a_field_that_another_manages_is_left_out_of_the_apply(other: Object) -> None:
    """It stays as the other one has it, and is given up; nothing is fenced, for its status may change at any time."""
    there = live(deployment(replicas=5), OURS, other)
    found = yielded(deployment(replicas=2), there, "/spec/replicas")
    assert found == deployment(replicas=None)


def test_a_field_that_is_ours_alone_is_repeated_as_it_is() -> None:
    """Left out it would go back to its default, as nobody else has it."""
    found = yielded(deployment(replicas=2), live(deployment(replicas=5), OURS), "/spec/replicas")
    assert found["spec"]["replicas"] == 5
    assert found["metadata"]["resourceVersion"] == "7"


def test_what_a_person_set_with_kubectl_counts_as_ours_where_it_is_taken_over() -> None:
    """A sync makes kubectl's fields its own first: left out then, the field would be gone."""
    there = live(deployment(replicas=5), entry("kubectl-edit", REPLICAS, "Update"))
    assert yielded(deployment(), there, "/spec/replicas")["spec"]["replicas"] == 5
    assert "replicas" not in yielded(deployment(), there, "/spec/replicas", takes=False)["spec"]


def test_what_is_as_git_has_it_stays_ours() -> None:
    """As in Flux: a rule alone gives nothing up, and nothing is written for it."""
    manifest = deployment(replicas=5)
    assert yielded(manifest, live(deployment(replicas=5), OURS, entry("vpa", REPLICAS)), "/spec/replicas") is manifest


def test_what_git_no_longer_names_stays_while_a_rule_does() -> None:
    """Without the rule a sync takes it away; what was never ours is not claimed."""
    assert yielded(deployment(replicas=None), live(deployment(), OURS), "/spec/replicas")["spec"]["replicas"] == 2
    manifest = deployment(replicas=None)
    assert yielded(manifest, live(deployment(replicas=1)), "/spec/replicas") is manifest


def test_what_somebody_removed_is_not_put_back() -> None:
    """Absence is a value too."""
    found = yielded(deployment(), live(deployment(replicas=None), OURS), "/spec/replicas")
    assert found == deployment(replicas=None)


def test_an_item_of_a_list_is_found_by_its_key_and_not_by_its_place() -> None:
    """A sidecar that something injects moves the places of a pod's containers."""
    there = deployment(image="shop:9")
    there["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "proxy:1"})
    found = yielded(deployment(), live(there, OURS), "/spec/template/spec/containers/0/image")
    assert found["spec"]["template"]["spec"]["containers"] == [{"name": "app", "image": "shop:9"}]


def test_a_new_item_of_a_list_is_applied_as_git_has_it() -> None:
    """There is nothing in the cluster that could stay."""
    manifest = deployment()
    manifest["spec"]["template"]["spec"]["containers"].append({"name": "new", "image": "new:1"})
    assert yielded(manifest, live(deployment(), OURS), "/spec/template/spec/containers/1/image") is manifest


def test_of_a_part_of_an_object_only_what_differs_is_yielded() -> None:
    """Others own some annotations, we own some: each is kept by the one who has it."""
    rule = "/metadata/annotations"
    ours = entry("sluice", {"f:metadata": {"f:annotations": {"f:a": {}, "f:b": {}, "f:c": {}}}})
    theirs = entry("dns", {"f:metadata": {"f:annotations": {"f:b": {}}}})

    def config(**annotations: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "annotations": annotations}}

    found = yielded(config(a="1", b="1", c="1"), live(config(a="9", b="9", c="1", d="9"), ours, theirs), rule)
    assert found["metadata"]["annotations"] == {"a": "9", "c": "1"}


def test_a_map_that_is_owned_as_a_whole_is_kept_as_a_whole() -> None:
    """A part of an atomic map, applied, would take the rest away."""
    fields = {"f:spec": {"f:selector": {}}}

    def service(**labels: str) -> Object:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": labels}}

    there = live(service(app="shop", slot="b"), entry("switch", fields), entry("sluice", {"f:metadata": {}}))
    assert "spec" not in yielded(service(app="shop"), there, "/spec/selector")
    alone = live(service(app="shop", slot="b"), entry("sluice", fields))
    assert yielded(service(app="shop"), alone, "/spec/selector")["spec"]["selector"] == {"app": "shop", "slot": "b"}


@pytest.mark.parametrize("pointer", ["/data/password", "/stringData/password"])
def test_a_secret_s_text_is_compared_with_what_is_stored(pointer: str) -> None:
    """The API server keeps `stringData` in `data`."""
    stored = base64.b64encode(b"rotated").decode()
    meta = {"name": "s", "namespace": "team"}
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "stringData": {"password": "first", "user": "u"},
    }
    there = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"password": stored, "user": "dQ=="}}
    ours = entry("sluice", {"f:stringData": {"f:password": {}, "f:user": {}}})
    assert yielded(manifest, live(there, ours), pointer)["data"] == {"password": stored, "user": "dQ=="}


def test_a_slash_in_a_name_is_escaped() -> None:
    """As RFC 6901 has it."""
    name = "external-dns.alpha.kubernetes.io/hostname"
    ours = entry("sluice", {"f:metadata": {"f:annotations": {f"f:{name}": {}}}})

    def service(value: str) -> Object:
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "annotations": {name: value}}}

    pointer = "/metadata/annotations/external-dns.alpha.kubernetes.io~1hostname"
    assert yielded(service("a"), live(service("b"), ours), pointer)["metadata"]["annotations"] == {name: "b"}


@pytest.mark.parametrize(
    ("target", "about"),
    [
        ({}, True),
        ({"kind": "Deployment"}, True),
        ({"kind": "Deploy"}, False),
        ({"kind": "Deploy.*", "name": "sh.p"}, True),
        ({"group": "apps", "version": "v1"}, True),
        ({"group": "extensions"}, False),
        ({"namespace": "team"}, True),
        ({"namespace": "teams"}, False),
        ({"labelSelector": "app in (shop, web),!legacy"}, True),
        ({"labelSelector": "app=web"}, False),
        ({"annotationSelector": "owner"}, True),
        ({"annotationSelector": "owner=them"}, False),
    ],
    ids=str,
)
def test_a_target_selects_by_patterns_and_selectors(target: Object, about: bool) -> None:
    """Patterns match the whole of a value; selectors are those of Kubernetes."""
    manifest = deployment()
    manifest["metadata"] |= {"labels": {"app": "shop"}, "annotations": {"owner": "us"}}
    assert IgnoreRule.model_validate({"paths": ["/spec"], "target": target}).about(manifest) is about


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"paths": ["spec.replicas"]}, r"spec\.ignore\[0\]\.paths\[0\]"),
        ({"paths": ["/spec", ""]}, r"spec\.ignore\[0\]\.paths\[1\]"),
        ({"paths": ["/spec"], "target": {"name": "shop("}}, r"spec\.ignore\[0\]\.target\.name"),
        ({"paths": ["/spec"], "target": {"labelSelector": "a=b=c"}}, r"spec\.ignore\[0\]\.target\.labelSelector"),
        ({"paths": ["/spec"], "target": {"annotationSelector": "a in b"}}, r"spec\.ignore\[0\]\.target\.annotationSel"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named_by_its_field(rule: Object, named: str) -> None:
    """A typo in a rule is no reason to write over what somebody wanted to keep."""
    with pytest.raises(InvalidError, match=named):
        refuse_rules([IgnoreRule.model_validate(rule)], "spec.ignore")
