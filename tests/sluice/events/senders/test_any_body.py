"""No body breaks a sender's reading: whatever is sent is understood, or refused in words."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.events.receivers.types import TYPES
from sluice.events.senders.table import SENDERS
from tests.deployments.doors.cases import CASES
from tests.sluice.events.senders import payloads
from tests.sluice.events.senders.calls import call
from tests.sluice.events.senders.forges.test_github import package, release

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
every_sender = pytest.mark.parametrize("name", SENDERS)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Each place of a body, its own included."""
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*at, key))


def put(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    """A copy of a body with something else at a place."""
    if not at:
        return value
    copy = json.loads(json.dumps(body))
    inner = copy
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return copy


OTHERS: dict[str, tuple[str, Any, dict[str, str]]] = {
    "harbor cloud event": ("harbor", payloads.HARBOR_CLOUD_EVENT, {}),
    "gitlab release": ("gitlab", payloads.GITLAB_RELEASE, {"X-Gitlab-Event": "Release Hook"}),
    "bitbucket server": ("bitbucket", payloads.BITBUCKET_SERVER, {"X-Event-Key": "repo:refs_changed"}),
    "github package": ("github", package("package"), {"X-GitHub-Event": "package", "X-GitHub-Delivery": "d"}),
    "github release": ("github", release("published"), {"X-GitHub-Event": "release", "X-GitHub-Delivery": "d"}),
    "google event": ("google", payloads.GOOGLE_EVENT, {}),
    "handshake": ("eventgrid", payloads.HANDSHAKE, {}),
}
"""Deliveries of other forms."""
FORMS = {name: (name, case.body, case.named) for name, case in CASES.items()} | OTHERS


@pytest.mark.parametrize("form", FORMS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(data=st.data())
def test_no_body_breaks_the_reading(form: str, data: st.DataObject) -> None:
    """A delivery of the sender's own with anything at any place of it."""
    name, good, headers = FORMS[form]
    at = data.draw(st.sampled_from(list(places(good))))
    body = put(good, at, data.draw(JSON))
    with contextlib.suppress(InvalidError):
        for event in SENDERS[name].parse(call(body, headers, registry="registry.example")).events:
            assert event.delivery
            assert all(isinstance(value, str) for value in event.payload.values())


@pytest.mark.parametrize("name", TYPES)
@given(body=st.binary(max_size=40) | JSON)
def test_no_body_breaks_what_filters_see(name: str, body: Any) -> None:
    """Of each type of Receiver."""
    with contextlib.suppress(InvalidError):
        TYPES[name].request(call(body, {"Content-Type": "application/json"}))


@every_sender
@given(body=st.binary(max_size=60))
def test_no_bytes_break_a_proof(name: str, body: bytes) -> None:
    """Not proven, or refused in words."""
    case, way = CASES[name], SENDERS[name].verification
    made = call(body, case.proof(b"other", "other") | case.named)
    with contextlib.suppress(InvalidError):
        way.claims(made)
        way.keys_at(made)
        assert not way.accepts(made, case.secret, b"{}")
