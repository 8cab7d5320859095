"""What the API server says of a refused object is understood, and shown without what is secret."""

from __future__ import annotations

import pytest

from sluice.sync.applying.refusals import about_rights, fixed_field, masked, passing

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "data": {"a": "aHVudGVyMg=="},
    "stringData": {"pin": 12345, "key": "x\nlong-line"},
}
QUOTED = [
    "answered 500: failed to create typed patch object: .stringData.pin: expected string, "
    "got &value.valueUnstructured{Value:12345}",
    'answered 400: .data: expected map, got "hunter2"',
    "answered 422: webhook says hunter2 is weak",
    "answered 422: webhook says aHVudGVyMg== is weak",
    "answered 400: cannot parse long-line",
]


@pytest.mark.parametrize("message", QUOTED)
def test_no_part_of_a_secret_is_shown(message: str) -> None:
    """Raw, decoded, line by line, or as Go prints a value."""
    said = masked(SECRET, message)
    assert not any(value in said for value in ("12345", "hunter2", "aHVudGVyMg==", "long-line"))
    assert said.startswith("answered")
    assert "***" in said


def test_what_is_no_secret_is_shown_as_it_is() -> None:
    """The value is what helps."""
    assert masked({"kind": "ConfigMap", "data": {"a": "hunter2"}}, QUOTED[1]) == QUOTED[1]


@pytest.mark.parametrize(
    "message",
    [
        "Deployment.apps is invalid: spec.selector: Invalid value: …: field is immutable",
        "StatefulSet.apps is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas'…",
        "PersistentVolumeClaim is invalid: spec: Forbidden: spec is immutable after creation except resources.requests",
        "Service is invalid: spec.clusterIPs[0]: Invalid value: may not change once set",
        "RoleBinding is invalid: roleRef: Invalid value: …: cannot change roleRef",
        "StorageClass is invalid: parameters: Forbidden: updates to parameters are forbidden.",
    ],
)
def test_a_field_that_cannot_be_changed_is_recognised(message: str) -> None:
    """In the words of each kind's validation."""
    assert fixed_field(message)


def test_other_refusals_are_not_taken_for_one() -> None:
    """Deleting an object because of a spelling mistake would be an outage."""
    assert not fixed_field(
        "Deployment.apps is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    )


@pytest.mark.parametrize(
    ("message", "passes", "rights"),
    [
        (
            'configmaps "a" is forbidden: unable to create new content in namespace x because it is being terminated',
            True,
            False,
        ),
        ('pods "a" is forbidden: exceeded quota: q, requested: pods=1', True, False),
        ('Internal error occurred: failed calling webhook "w": no endpoints available for service', True, True),
        ('admission webhook "w" denied the request: no', False, False),
        ('configmaps "a" is forbidden: User "sluice" cannot patch resource', False, True),
    ],
)
def test_what_passes_and_what_is_for_want_of_rights(message: str, passes: bool, rights: bool) -> None:
    """A quota and a namespace that goes answer 403 too, and no ClusterRole helps there."""
    assert passing(message) == passes
    assert about_rights(message) == rights
