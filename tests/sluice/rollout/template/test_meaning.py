"""What of a pod template is a change that somebody made, and what is only another way to write it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.rollout.revision import revision_of
from sluice.rollout.template.meaning import meaning

Object = dict[str, Any]

WRITTEN: Object = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {
        "serviceAccountName": "shop",
        "containers": [
            {
                "name": "shop",
                "image": "registry/shop:1",
                "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, {"name": "NONE"}],
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}},
                "livenessProbe": {"grpc": {"port": 81}, "periodSeconds": 5},
                "lifecycle": {"preStop": {"httpGet": {"port": 80, "path": "/bye"}}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
            {"name": "proxy", "image": "registry:5000/proxy"},
        ],
        "initContainers": [{"name": "wait", "image": "wait@sha256:0123"}],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "config", "configMap": {"name": "shop"}},
            {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        ],
        "tolerations": [{"key": "spot", "value": "yes"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "labelSelector": {}}],
    },
}
"""As a person writes it."""

IN_CONTAINERS: Object = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}
PROBE: Object = {"timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}


def stored() -> Object:
    """As an API server stores and reads it."""
    it = copy.deepcopy(WRITTEN)
    it["metadata"] |= {"creationTimestamp": None, "annotations": {}}
    spec = it["spec"]
    spec |= {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        "enableServiceLinks": True,
        "serviceAccount": "shop",
        "affinity": None,
    }
    shop, proxy = spec["containers"]
    for one, policy in ((shop, "IfNotPresent"), (proxy, "Always"), (spec["initContainers"][0], "IfNotPresent")):
        one |= {**IN_CONTAINERS, "imagePullPolicy": policy, "resources": {}}
    shop["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    shop["env"][1]["value"] = ""
    shop["ports"][0]["protocol"] = "TCP"
    shop["readinessProbe"] |= {**PROBE, "periodSeconds": 10}
    shop["readinessProbe"]["httpGet"] |= {"path": "/", "scheme": "HTTP"}
    shop["livenessProbe"] |= PROBE
    shop["livenessProbe"]["grpc"]["service"] = ""
    shop["lifecycle"]["preStop"]["httpGet"]["scheme"] = "HTTP"
    spec["volumes"][1]["configMap"]["defaultMode"] = 420
    token = spec["volumes"][2]["projected"]
    token["defaultMode"] = 420
    token["sources"][0]["serviceAccountToken"]["expirationSeconds"] = 3600
    return it


def revision(template: Object) -> str:
    return revision_of({"spec": {"template": template}})


def changed(*path: Any, value: Any) -> Object:
    """The stored template with one field at another value."""
    it = stored()
    part = it
    for key in path[:-1]:
        part = part.setdefault(key, {}) if isinstance(part, dict) else part[key]
    part[path[-1]] = value
    return it


def test_what_an_api_server_fills_in_is_no_revision() -> None:
    """What is in git, and what `kubectl get` shows of it, is one revision; neither is changed by asking."""
    before = copy.deepcopy(WRITTEN)
    assert meaning(stored()) == meaning(WRITTEN)
    assert revision(stored()) == revision(WRITTEN)
    assert before == WRITTEN


FIRST = ("spec", "containers", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((*FIRST, "image"), "registry/shop:2", id="image"),
        pytest.param((*FIRST, "imagePullPolicy"), "Always", id="a pull policy that its tag does not have"),
        pytest.param(("spec", "containers", 1, "imagePullPolicy"), "IfNotPresent", id="a pull policy of latest"),
        pytest.param((*FIRST, "env", 1, "value"), "x", id="variable"),
        pytest.param((*FIRST, "ports", 0, "protocol"), "UDP", id="protocol"),
        pytest.param((*FIRST, "readinessProbe", "timeoutSeconds"), 2, id="probe"),
        pytest.param((*FIRST, "readinessProbe", "httpGet", "scheme"), "HTTPS", id="probe's scheme"),
        pytest.param((*FIRST, "stdin"), True, id="stdin"),
        pytest.param((*FIRST, "securityContext"), {"runAsUser": 0}, id="a user of 0"),
        pytest.param(("spec", "terminationGracePeriodSeconds"), 60, id="grace"),
        pytest.param(("spec", "serviceAccountName"), "other", id="service account"),
        pytest.param(("spec", "hostNetwork"), True, id="host network"),
        pytest.param(("spec", "volumes", 0), {"name": "data", "hostPath": {"path": "/d"}}, id="another volume"),
        pytest.param(("spec", "volumes", 1, "configMap", "defaultMode"), 256, id="mode"),
        pytest.param(("spec", "topologySpreadConstraints", 0, "labelSelector"), None, id="no selector selects nothing"),
        pytest.param(("spec", "tolerations"), [{"key": "spot", "operator": "Exists"}], id="toleration"),
        pytest.param(("metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "now"}, id="restart"),
        pytest.param(("metadata", "labels", "team"), "", id="a label without a value"),
        pytest.param(("metadata", "labels", "protocol"), "TCP", id="a label named like a field"),
        pytest.param(("metadata", "annotations"), {"restartPolicy": "Always"}, id="an annotation named like a field"),
        pytest.param(("spec", "nodeSelector"), {"dnsPolicy": "ClusterFirst"}, id="a node's label named like a field"),
    ],
)
def test_what_somebody_changed_is_a_revision(path: tuple[Any, ...], value: Any) -> None:
    """A default is only left out where it is one."""
    assert revision(changed(*path, value=value)) != revision(stored())


def test_a_host_port_that_older_api_servers_filled_in_is_no_revision() -> None:
    """Up to 1.27 they gave each port of a host network its own host port; later ones do not."""
    plain: Object = {"spec": {"hostNetwork": True, "containers": [{"name": "a", "ports": [{"containerPort": 80}]}]}}
    older, other = copy.deepcopy(plain), copy.deepcopy(plain)
    older["spec"]["containers"][0]["ports"][0]["hostPort"] = 80
    other["spec"]["containers"][0]["ports"][0]["hostPort"] = 81
    assert revision(older) == revision(plain) != revision(other)


def test_a_volume_of_nothing_is_an_empty_directory() -> None:
    """The API server makes it one."""
    bare, empty, medium = ({"spec": {"volumes": [{"name": "v", **more}]}} for more in ({}, {"emptyDir": {}}, MEMORY))
    assert revision(bare) == revision(empty) != revision(medium)


MEMORY: Object = {"emptyDir": {"medium": "Memory"}}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["spec", "metadata", "containers", "volumes", "ports", "env", "image", "hostNetwork"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=16,
)


@given(ANY)
def test_nothing_that_a_cluster_may_hold_breaks_it_and_once_is_enough(template: Any) -> None:
    """A template that no API server of today would take has a revision nevertheless."""
    once = meaning(template)
    assert meaning(once) == once
