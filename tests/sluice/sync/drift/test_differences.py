"""What somebody else changed is known from what git changed and from what the API server fills in.

The objects are as Kubernetes 1.34 answers a server-side apply, a merge patch and a call of `scale`.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sluice.sync.drift.differences import ABSENT, differences
from sluice.sync.drift.findings import finding
from sluice.sync.drift.managers import applied_fields

Object = dict[str, Any]
AT = "2026-11-27T18:49:21Z"
MANIFEST: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "namespace": "t", "labels": {"kustomize.toolkit.fluxcd.io/name": "x"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "image": "x:1",
                        "ports": [{"containerPort": 80}],
                        "resources": {"requests": {"cpu": "1000m"}},
                        "env": [{"name": "A", "value": "1"}],
                    }
                ]
            },
        },
    },
}
CONTAINER = {
    ".": {},
    "f:env": {'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
    "f:image": {},
    "f:name": {},
    "f:ports": {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}},
    "f:resources": {"f:requests": {"f:cpu": {}}},
}


def live() -> Object:
    """As the API server has it right after it was applied: with defaults, and a quantity in its own way."""
    item = copy.deepcopy(MANIFEST)
    item["spec"] |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
    (container,) = item["spec"]["template"]["spec"]["containers"]
    container["ports"][0]["protocol"] = "TCP"
    container["resources"]["requests"]["cpu"] = "1"
    container["imagePullPolicy"] = "IfNotPresent"
    pods = {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:containers": {'k:{"name":"c"}': CONTAINER}}}
    owned = {
        "f:metadata": {"f:labels": {"f:kustomize.toolkit.fluxcd.io/name": {}}},
        "f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": pods},
    }
    entry = {"manager": "sluice", "operation": "Apply", "time": AT, "fieldsV1": copy.deepcopy(owned)}
    item["metadata"] |= {"uid": "u", "resourceVersion": "205", "generation": 1, "managedFields": [entry]}
    return item


def ours(item: Object) -> Object:
    return item["metadata"]["managedFields"][0]["fieldsV1"]  # type: ignore[no-any-return]


def rival(item: Object, name: str, fields: Object, subresource: str = "") -> None:
    item["metadata"]["managedFields"].append(
        {"manager": name, "operation": "Update", "time": AT, "fieldsV1": fields, "subresource": subresource}
    )


def found(item: Object, manifest: Object = MANIFEST) -> list[tuple[str, Any, Any, bool]]:
    said = differences(manifest, item, applied_fields(item, "sluice"))
    return [(one.path, one.wanted, one.found, one.ours) for one in said]


def test_what_the_server_fills_in_is_nobodys_change() -> None:
    """Defaults are not in the manifest; a quantity in another form is still ours, so nobody else has changed it."""
    place = "spec.template.spec.containers[name=c].resources.requests.cpu"
    assert found(live()) == [(place, "1000m", "1", True)]
    assert finding(MANIFEST, live(), "sluice") is None


def test_an_image_that_kubectl_set_is_named_with_who_and_when() -> None:
    """The field went to the one who changed it."""
    item = live()
    (container,) = item["spec"]["template"]["spec"]["containers"]
    container["image"] = "x:9"
    del ours(item)["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"c"}']["f:image"]
    taken = {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}
    rival(item, "kubectl-set", {"f:spec": {"f:template": {"f:spec": taken}}})
    said = finding(MANIFEST, item, "sluice")
    assert said is not None
    assert str(said) == (
        "Deployment t/d: spec.template.spec.containers[name=c].image is x:9, git says x:1 "
        "(kubectl-set, 2026-11-27T18:49:21Z)"
    )
    assert said.who == "kubectl-set"


def test_an_autoscalers_replicas_are_drift_only_where_git_names_them() -> None:
    """It writes through `scale`; a manifest without replicas has nothing to lose."""
    item = live()
    item["spec"]["replicas"] = 5
    del ours(item)["f:spec"]["f:replicas"]
    rival(item, "kube-controller-manager", {"f:spec": {"f:replicas": {}}}, "scale")
    said = finding(MANIFEST, item, "sluice")
    assert said is not None
    assert [(one.path, one.wanted, one.found) for one in said.fields] == [("spec.replicas", "2", "5")]
    assert said.who == "kube-controller-manager (scale)"
    silent = copy.deepcopy(MANIFEST)
    del silent["spec"]["replicas"]
    assert finding(silent, item, "sluice") is None


def test_what_others_add_is_theirs() -> None:
    """A sidecar that an injector adds, an annotation of a controller, a label of a person."""
    item = live()
    item["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "p:1"})
    item["metadata"] |= {"annotations": {"deployment.kubernetes.io/revision": "1"}}
    item["metadata"]["labels"]["team"] = "a"
    rival(item, "istio", {"f:metadata": {"f:labels": {"f:team": {}}}})
    assert finding(MANIFEST, item, "sluice") is None


def config(data: Object, fields: Object, kind: str = "ConfigMap") -> Object:
    entry = {"manager": "sluice", "operation": "Apply", "time": AT, "fieldsV1": {"f:data": fields} if fields else {}}
    meta = {"name": "a", "namespace": "t", "uid": "u", "resourceVersion": "9", "managedFields": [entry]}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data}


def wanted(data: Object, kind: str = "ConfigMap", key: str = "data") -> Object:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "namespace": "t"}, key: data}


def test_a_removed_key_has_no_owner_and_the_last_writer_is_named() -> None:
    """The API server keeps nothing of a field that is gone."""
    item = config({"l": "2"}, {"f:l": {}})
    rival(item, "kubectl-edit", {"f:data": {"f:other": {}}})
    said = finding(wanted({"k": "1", "l": "2"}), item, "sluice")
    assert said is not None
    assert [(one.path, one.wanted, one.found) for one in said.fields] == [("data.k", "1", "absent")]
    assert said.who == "kubectl-edit"


def test_what_left_git_is_gits_change() -> None:
    """We own it and no longer name it: an apply takes it away; nobody is blamed."""
    item = config({"k": "1", "old": "x"}, {"f:k": {}, "f:old": {}})
    assert found(item, wanted({"k": "1"})) == [("data.old", ABSENT, "x", True)]
    assert finding(wanted({"k": "1"}), item, "sluice") is None


def test_an_edit_that_was_undone_by_hand_is_still_no_longer_ours() -> None:
    """An apply owns it once more; until then nobody would see the next change of it."""
    item = config({"k": "1"}, {})
    said = finding(wanted({"k": "1"}), item, "sluice")
    assert said is not None
    assert str(said.fields[0]) == "data.k is no longer managed by sluice"


@pytest.mark.parametrize("key", ["data", "stringData"])
def test_a_secrets_values_are_never_said(key: str) -> None:
    """Neither git's nor the changed one; that the key is gone may be said."""
    values = {"data": {"p": "c2VjcmV0LWdpdA==", "q": "eA=="}, "stringData": {"p": "secret-git", "q": "x"}}
    item = config({"p": "c2VjcmV0LWhhbmQ="}, {}, "Secret")
    rival(item, "kubectl-edit", {"f:data": {"f:p": {}}})
    said = finding(wanted(values[key], "Secret", key), item, "sluice")
    assert said is not None
    assert [(one.path, one.wanted, one.found) for one in said.fields] == [
        ("data.p", "(hidden)", "(hidden)"),
        ("data.q", "(hidden)", "absent"),
    ]
    assert "data.p is (hidden), git says (hidden) (kubectl-edit" in str(said)
    assert "c2VjcmV0" not in said.model_dump_json()
    assert "secret-" not in said.model_dump_json()


def test_a_secret_that_was_changed_and_changed_back_is_not_said_either() -> None:
    """Only whose it is now differs."""
    item = config({"p": "c2VjcmV0LWdpdA=="}, {}, "Secret")
    said = finding(wanted({"p": "c2VjcmV0LWdpdA=="}, "Secret"), item, "sluice")
    assert said is not None
    assert str(said.fields[0]) == "data.p is no longer managed by sluice"
    assert "c2VjcmV0" not in said.model_dump_json()


def test_a_secret_of_plain_strings_is_as_it_was_applied() -> None:
    """`stringData` is write-only: what it came to is looked at."""
    item = config({"p": "eA=="}, {}, "Secret")
    item["metadata"]["managedFields"][0]["fieldsV1"] = {"f:stringData": {"f:p": {}}}
    assert found(item, wanted({"p": "x"}, "Secret", "stringData")) == []


def test_an_empty_list_may_come_back_as_null() -> None:
    """As the rules of a ClusterRole do."""
    item = {**config({}, {}), "rules": None}
    item["metadata"]["managedFields"][0]["fieldsV1"] = {"f:rules": {}}
    manifest = {**wanted({}), "rules": []}
    assert found(item, manifest) == []
    assert found({**item, "rules": [{"verbs": ["*"]}]}, manifest) == [("rules", [], [{"verbs": ["*"]}], True)]


def test_an_audit_annotation_is_named_too() -> None:
    """managedFields have programs, not people."""
    item = config({"k": "9"}, {})
    item["metadata"]["annotations"] = {"kubernetes.io/change-cause": "kubectl edit --record"}
    said = finding(wanted({"k": "1"}), item, "sluice")
    assert said is not None
    assert "kubectl edit --record" in str(said)


def test_a_long_report_is_cut() -> None:
    """A ConfigMap of a thousand keys that somebody emptied is one line of an Event."""
    many = {f"key-{number}": "v" * 1000 for number in range(1000)}
    said = finding(wanted(many), config({}, {}), "sluice")
    assert said is not None
    assert len(said.fields) == 1000
    assert len(str(said)) < 800
    assert "995 fields more" in str(said)
