"""The stand-in of flag services: the official clients of Flipt and OpenFeature get from it what a server would give."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import flipt_client
import httpx
import pytest
from flipt import FliptClient
from flipt.authentication import ClientTokenAuthentication
from flipt.evaluation import BatchEvaluationRequest, EvaluationRequest
from flipt.exceptions import FliptApiError
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError

from lab.processes.child import Child
from tests.blocks.flags.worlds import TOKEN, USERS, document


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = tmp_path_factory.mktemp("flags")
    options = ["--port", str(port), "--state-dir", str(state), "--token", TOKEN]
    url = f"http://127.0.0.1:{port}"
    child = Child.started("flags stand-in", [sys.executable, "-m", "lab.standins.flags", *options], state / "log")
    try:
        child.wait_until(lambda: answers(url), 30, "serving")
        httpx.put(f"{url}/-/flags/default/default", json=document()).raise_for_status()
        yield url
    finally:
        child.stop()


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/calls", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture
def rest(url: str) -> FliptClient:
    return FliptClient(url=url, authentication=ClientTokenAuthentication(TOKEN))


def request(key: str, user: str = "user-1", **context: str) -> EvaluationRequest:
    return EvaluationRequest(namespace_key="default", flag_key=key, entity_id=user, context=context)


def test_flipts_rest_client_lists_and_reads_flags(rest: FliptClient) -> None:
    """PyPI `flipt`, which checks each answer against its models."""
    listed = rest.flag.list_flags(namespace_key="default")
    assert [flag.key for flag in listed.flags] == ["color", "palette", "plain-off", "plain-on", "quarter", "staff-only"]
    one = rest.flag.get_flag(namespace_key="default", flag_key="color")
    assert [variant.key for variant in one.variants] == ["red", "blue"]
    with pytest.raises(FliptApiError) as refused:
        rest.flag.get_flag(namespace_key="default", flag_key="nobody-knows")
    assert refused.value.status_code == 404


def test_flipts_rest_client_evaluates(rest: FliptClient) -> None:
    """One by one and in a batch."""
    assert rest.evaluation.boolean(request("plain-on")).enabled
    assert not rest.evaluation.boolean(request("staff-only")).enabled
    assert rest.evaluation.boolean(request("staff-only", team="staff")).enabled
    assert rest.evaluation.variant(request("palette", team="staff")).variant_key == "dark"
    batch = rest.evaluation.batch(BatchEvaluationRequest(requests=[request("plain-on"), request("palette")]))
    assert [one.type.split("_")[0] for one in batch.responses] == ["BOOLEAN", "VARIANT"]


def test_a_wrong_token_is_refused(url: str) -> None:
    """As Flipt does where authentication is required."""
    wrong = FliptClient(url=url, authentication=ClientTokenAuthentication("wrong"))
    with pytest.raises(FliptApiError) as refused:
        wrong.flag.list_flags(namespace_key="default")
    assert refused.value.status_code == 401


def test_flipts_client_side_engine_agrees_with_the_rest_api(url: str, rest: FliptClient) -> None:
    """PyPI `flipt-client`: Flipt's own engine on the snapshot gives every user what the stand-in's evaluation gives."""
    login = flipt_client.models.ClientTokenAuthentication(client_token=TOKEN)
    options = flipt_client.ClientOptions(url=url, authentication=login, environment="default", namespace="default")
    engine = flipt_client.FliptClient(options)
    try:
        assert len(engine.list_flags()) == 6
        for user in USERS[:200]:
            for team in ("", "staff"):
                context = {"team": team}
                for key in ("plain-on", "quarter", "staff-only"):
                    ours = rest.evaluation.boolean(request(key, user, **context)).enabled
                    assert engine.evaluate_boolean(key, user, context).enabled == ours
                for key in ("color", "palette"):
                    theirs = rest.evaluation.variant(request(key, user, **context)).variant_key
                    assert engine.evaluate_variant(key, user, context).variant_key == theirs
    finally:
        engine.close()


def test_openfeatures_provider_of_remote_evaluation_is_served(url: str) -> None:
    """PyPI `openfeature-provider-ofrep`, which fails on an answer without a reason."""
    provider = OFREPProvider(url, headers_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})
    asked = EvaluationContext(targeting_key="user-1", attributes={"team": "staff"})
    on = provider.resolve_boolean_details("plain-on", False, asked)
    assert (on.value, str(on.reason)) == (True, "STATIC")
    assert provider.resolve_boolean_details("staff-only", False, asked).value
    assert provider.resolve_string_details("palette", "", asked).value == "dark"
    with pytest.raises(FlagNotFoundError):
        provider.resolve_boolean_details("nobody-knows", False, asked)


def test_a_write_to_v2_names_the_revision(url: str) -> None:
    """One that was read before somebody else's write is refused with 409, as Flipt does."""
    http = httpx.Client(base_url=f"{url}/api/v2/environments/default/namespaces/default", headers=_login())
    read: Any = http.get("/resources/flipt.core.Flag/plain-off").json()
    body = {"key": "plain-off", "payload": read["resource"]["payload"], "revision": read["revision"]}
    assert http.put("/resources", json=body).status_code == 200
    assert http.put("/resources", json=body).status_code == 409


def _login() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}
