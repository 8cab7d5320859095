"""Every event that is told is one of the published specification: its schemas are those of CDEvents' own Go module."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from lab.programs.toolchain import run_go
from sluice.images.reference import parse_image
from sluice.marks.cdevents.base import SPECIFICATION, Happening
from sluice.marks.cdevents.table import EVENTS, Happened, events

MODULE = "github.com/cdevents/sdk-go@v0.5.0"
DIGEST = "sha256:" + "a" * 64
WITHIN_S = 120
_SCHEMA = re.compile(rf'"https://cdevents\.dev/{re.escape(SPECIFICATION)}/schema/[a-z-]+": `(.*?)`', re.DOTALL)


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """The published schemas by the type of event that each is of."""
    with TemporaryDirectory() as folder:
        said = run_go(Path(folder), WITHIN_S, "mod", "download", "-json", MODULE)
    text = (Path(json.loads(said)["Dir"]) / "pkg" / "api" / "schemas.go").read_text()
    found = [json.loads(one) for one in _SCHEMA.findall(text)]
    return {one["properties"]["context"]["properties"]["type"]["enum"][0]: one for one in found if _is_event(one)}


def _is_event(schema: dict[str, Any]) -> bool:
    return "enum" in schema.get("properties", {}).get("context", {}).get("properties", {}).get("type", {})


def happening(**update: Any) -> Happening:
    known: dict[str, Any] = {
        "key": "uid/rev/1/promoted",
        "environment": "production eu",
        "service": "team/shop",
        "version": "1.2.0",
        "revision": "5f2c",
        "image": parse_image(f"registry.example:5000/team/Shop:1.2.0@{DIGEST}".replace("Shop", "shop")),
        "at": 1_795_860_000.0,
    }
    return Happening(**known | update)


def check(event: dict[str, Any]) -> None:
    schema = schemas()[event["context"]["type"]]
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(event)


def test_the_schemas_are_there_and_refuse_what_is_none() -> None:
    """Else everything would be valid."""
    assert len(schemas()) > 40
    (one, *_) = events(Happened.PROMOTED, happening())
    del one["subject"]["content"]["artifactId"]
    with pytest.raises(ValidationError, match="artifactId"):
        check(one)


@pytest.mark.parametrize("happened", Happened)
@pytest.mark.parametrize(
    "update",
    [
        {},
        {"reason": "own 12 %: `too` many\nerrors", "link": "https://ci.example/runs/7?a=b", "suite": "e2e of the shop"},
        {"version": "", "image": parse_image("shop"), "environment": "cluster"},
        {"service": f"{'n' * 63}/{'s' * 253}", "environment": "ü" * 100, "reason": "r" * 5000},
    ],
)
def test_every_event_keeps_to_the_published_schema(happened: Happened, update: dict[str, Any]) -> None:
    """With little and with much in it, and with names at their limits."""
    told = events(happened, happening(**update))
    assert told
    for event in told:
        check(event)
        json.dumps(event)


def test_everything_that_can_happen_has_its_events() -> None:
    """And each event has an id of its own, the same however often it is told."""
    assert set(EVENTS) == set(Happened)
    told = [event for happened in Happened for event in events(happened, happening(key=happened))]
    assert len({event["context"]["id"] for event in told}) == len(told)
    assert events(Happened.PROMOTED, happening()) == events(Happened.PROMOTED, happening())


def test_an_artifact_is_a_package_url() -> None:
    """By digest where that is known; the repository with its registry."""
    assert happening().artifact == (
        f"pkg:oci/shop@sha256%3A{'a' * 64}?repository_url=registry.example%3A5000/team/shop&tag=1.2.0"
    )
    assert happening(image=parse_image("shop")).artifact == "pkg:oci/shop?repository_url=shop"
