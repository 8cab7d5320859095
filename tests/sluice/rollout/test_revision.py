"""What makes a revision, what people call it, and when it needs a rollout."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.needs import needs_rollout
from sluice.rollout.revision import revision_of, version_of
from tests.samples import canary, deployment

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def reordered(value: Any) -> Any:
    """The same JSON with every object's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_a_revision_does_not_depend_on_the_order_of_keys(template: dict[str, Any]) -> None:
    """Two clients that write the same template in another order mean the same revision."""
    assert revision_of({"spec": {"template": template}}) == revision_of({"spec": {"template": reordered(template)}})


def test_only_the_template_makes_a_revision() -> None:
    """Scaling, labels of the Deployment and its status are no new revision; an image or a variable is."""
    same = deployment(
        change={"metadata": {"labels": {"x": "y"}, "generation": 9}, "spec": {"replicas": 7}, "status": {}}
    )
    assert revision_of(same) == revision_of(deployment())
    assert revision_of(deployment("registry/shop:2")) != revision_of(deployment())


def test_the_hash_never_changes_between_releases_of_sluice() -> None:
    """An upgrade of sluice must not start a rollout of everything: this value is kept for ever."""
    template = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "ü", "image": "shop:1"}]}}
    assert revision_of({"spec": {"template": template}}) == "d06d313fa796af13"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.example:5000/team/shop:1.2.0", "1.2.0"),
        ("shop", "latest"),
        ("registry.example:5000/shop", "latest"),
        ("shop:1.2@sha256:0123456789abcdef", "1.2"),
        ("shop@sha256:0123456789abcdef", "0123456789ab"),
        ("", "latest"),
    ],
)
def test_people_call_a_revision_by_its_tag(image: str, version: str) -> None:
    """The tag, or where there is none the start of the digest; a registry's port is no tag."""
    assert version_of(deployment(image)) == version


def test_a_template_without_containers_has_a_name_too() -> None:
    """Nothing breaks on what the API server would refuse."""
    assert version_of({"spec": {"template": {"spec": {}}}}) == "latest"


@pytest.mark.parametrize(
    ("phase", "promoted", "applied", "suspend", "needed"),
    [
        pytest.param(None, "", "", False, True, id="nothing was made yet"),
        pytest.param(None, "", "", True, False, id="nothing is made while it is suspended, as with Flagger"),
        pytest.param(Phase.SUCCEEDED, "r1", "r1", False, True, id="a new revision"),
        pytest.param(Phase.SUCCEEDED, "r2", "r2", False, False, id="promoted already"),
        pytest.param(Phase.FAILED, "r1", "r2", False, False, id="rolled back: not by itself"),
        pytest.param(Phase.PROGRESSING, "r1", "r2", False, False, id="on its way: it has its run"),
        pytest.param(Phase.PROGRESSING, "r0", "r1", False, True, id="a newer one than that on its way"),
        pytest.param(Phase.SUCCEEDED, "r1", "r1", True, False, id="suspended"),
        pytest.param(Phase.PROGRESSING, "r0", "r1", True, True, id="suspended in the middle: somebody has to end it"),
    ],
)
def test_whether_a_rollout_has_to_be_started(
    phase: Phase | None, promoted: str, applied: str, suspend: bool, needed: bool
) -> None:
    """Started for what is new, never twice, never by itself for what was rolled back."""
    status = {"phase": phase, "lastPromotedSpec": promoted, "lastAppliedSpec": applied}
    assert needs_rollout(canary({"suspend": suspend}, status), "r2") is needed
