"""The keys of a Canary's artifacts: such as Prefect takes, and no other Canary's."""

from __future__ import annotations

import pytest
from prefect.client.schemas.actions import ArtifactCreate

from blocks.prefect.recordings import artifact_key, recording_key

NAMES = [("a", "b-c"), ("a-b", "c"), ("a.b", "c"), ("a", "b"), ("a--b", "c"), ("b", "a")]


def test_no_two_canaries_share_a_key() -> None:
    """`a-b` in `c` is not `a` in `b-c`, and a dot is no dash."""
    assert len({artifact_key(*one, "chart") for one in NAMES}) == len(NAMES)


@pytest.mark.parametrize(("name", "namespace"), NAMES)
def test_prefect_takes_each_key(name: str, namespace: str) -> None:
    """Lower-case letters, digits and dashes; what it is of comes last."""
    key = recording_key(name, namespace)
    assert ArtifactCreate(key=key).key == key
    assert key.endswith("-recording")
