"""`driftDetection.ignore` of a HelmRelease: which differences of which objects are let be."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.helm.objects.drift import drift_of
from sluice.manifests.ignoring import IgnoreRule

Object = dict[str, Any]


def deployment(replicas: int, image: str = "shop:1") -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop", "namespace": "team", "labels": {"app": "shop"}},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "app", "image": image}]}}},
    }


def found(live: Object, *rules: Object) -> list[str]:
    """The fields that differ, of a chart that was applied from the client's side."""
    finding = drift_of(deployment(1), live, [IgnoreRule.model_validate(rule) for rule in rules])
    return [one.path for one in finding.fields] if finding else []


@pytest.mark.parametrize(
    ("target", "let_be"),
    [
        (None, True),
        ({"kind": "Deployment|StatefulSet"}, True),
        ({"kind": "Deploy"}, False),
        ({"labelSelector": "app in (shop, web)"}, True),
        ({"labelSelector": "app notin (shop)"}, False),
        ({"name": "sh[a-o]+p", "group": "apps"}, True),
    ],
    ids=str,
)
def test_a_field_that_a_rule_names_is_no_drift(target: Object | None, let_be: bool) -> None:
    """Patterns are Go's, and match all of a value; selectors are read in full."""
    rule = {"paths": ["/spec/replicas"], **({"target": target} if target else {})}
    assert found(deployment(5), rule) == ([] if let_be else ["spec.replicas"])


def test_other_fields_stay_drift_and_an_empty_path_lets_all_be() -> None:
    """A prefix of a name is another name."""
    live = deployment(5, "shop:2")
    assert found(live, {"paths": ["/spec/replicas"]}) == ["spec.template.spec.containers"]
    assert found(live, {"paths": ["/spec/repl"]}) == ["spec.replicas", "spec.template.spec.containers"]
    assert found(live, {"paths": [""]}) == []
