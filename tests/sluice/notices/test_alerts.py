"""Alerts: which events an Alert chooses, and how each receiving side is posted to."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from pydantic import SecretStr

from sluice.errors import InvalidError
from sluice.manifests.flux.notification.alert import Alert
from sluice.notices.alerts.base import Form, Post
from sluice.notices.alerts.choosing import metadata, wants
from sluice.notices.alerts.generic import written
from sluice.notices.alerts.happened import Happened
from sluice.notices.alerts.table import FORMS, form_of

HAPPENED = Happened(
    kind="Kustomization",
    namespace="team",
    name="shop",
    severity="error",
    reason="BuildFailed",
    message="kustomize: no file",
)


def alert(**spec: Any) -> Alert:
    sources = [{"kind": "Kustomization", "name": "*"}]
    body = {"providerRef": {"name": "chat"}, "eventSources": sources} | spec
    return Alert.parse({"metadata": {"name": "all", "namespace": "team"}, "spec": body})


@pytest.mark.parametrize(
    ("spec", "chosen"),
    [
        ({}, True),
        ({"suspend": True}, False),
        ({"eventSeverity": "error"}, True),
        ({"eventSources": [{"kind": "Kustomization", "name": "shop"}]}, True),
        ({"eventSources": [{"kind": "Kustomization", "name": "other"}]}, False),
        ({"eventSources": [{"kind": "GitRepository", "name": "*"}]}, False),
        ({"eventSources": [{"kind": "Kustomization", "name": "*", "namespace": "other"}]}, False),
        ({"eventSources": [{"kind": "Kustomization", "name": "*", "matchLabels": {"tier": "web"}}]}, True),
        ({"eventSources": [{"kind": "Kustomization", "name": "*", "matchLabels": {"tier": "db"}}]}, False),
        ({"inclusionList": ["no file"]}, True),
        ({"inclusionList": ["^no file"]}, False),
        ({"exclusionList": ["^kustomize"]}, False),
        ({"exclusionList": ["waiting for .* to be ready"]}, True),
    ],
)
def test_an_alert_chooses_by_object_severity_and_message(spec: dict[str, Any], chosen: bool) -> None:
    assert wants(alert(**spec), HAPPENED, {"tier": "web"}) is chosen


def test_what_is_no_failure_is_nothing_for_those_who_want_failures() -> None:
    fine = HAPPENED.model_copy(update={"severity": "info"})
    assert not wants(alert(eventSeverity="error"), fine, {})
    assert wants(alert(), fine, {})


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(InvalidError, match=r"spec\.exclusionList '\('"):
        wants(alert(exclusionList=["("]), HAPPENED, {})


def test_what_is_said_along_with_each_event() -> None:
    assert metadata(alert(summary="old", eventMetadata={"cluster": "eu"})) == {"summary": "old", "cluster": "eu"}


def post(**change: Any) -> Post:
    given = {"happened": HAPPENED, "metadata": {"cluster": "eu"}, "address": SecretStr("https://hook.example/x")}
    return Post(**(given | {"token": SecretStr("t0p")} | change))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_says_what_happened_to_what_and_where(form: Form) -> None:
    request = form.request(post())
    text = written(request.body).decode()
    assert "shop" in text
    assert "kustomize: no file" in text
    assert "cluster" in text
    assert "t0p" not in text
    assert request.address.get_secret_value().startswith("https://hook.example/x")
    assert form.refusal("ok") == ""


def test_the_generic_body_is_fluxs() -> None:
    body = FORMS["generic"].request(post()).body
    assert body["involvedObject"] == {
        "kind": "Kustomization",
        "namespace": "team",
        "name": "shop",
        "uid": "",
        "apiVersion": "",
    }
    assert (body["severity"], body["reason"], body["metadata"]) == ("error", "BuildFailed", {"cluster": "eu"})


def test_a_signed_body_can_be_verified() -> None:
    request = FORMS["generic-hmac"].request(post())
    proof = hmac.new(b"t0p", written(request.body), hashlib.sha256).hexdigest()
    assert request.headers["X-Signature"] == f"sha256={proof}"
    with pytest.raises(InvalidError, match="key token"):
        FORMS["generic-hmac"].request(post(token=SecretStr("")))


def test_discord_is_posted_to_by_its_slack_address() -> None:
    assert FORMS["discord"].request(post()).address.get_secret_value() == "https://hook.example/x/slack"


def test_slack_says_with_status_200_that_it_refuses() -> None:
    assert FORMS["slack"].refusal('{"ok": false, "error": "channel_not_found"}') == "channel_not_found"
    assert FORMS["slack"].refusal('{"ok": true}') == ""


def test_a_type_that_there_is_none_of_is_named() -> None:
    with pytest.raises(InvalidError, match=r"spec\.type 'pigeon' is not supported yet; use one of: generic"):
        form_of("pigeon")
