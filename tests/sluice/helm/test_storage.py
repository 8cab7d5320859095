"""Releases in helm's storage: read as helm wrote them, and known again by Flux's digest."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.helm.names import release_name, shortened
from sluice.helm.snapshots import hooks_tested, is_of, moment, release_digest, snapshot
from sluice.helm.storage import LARGEST, key_of, newest_first, packed, stored
from sluice.manifests.flux.helm.acts import Test
from tests.sluice.helm.test_decide import helm_release

DOCUMENT: dict[str, Any] = {
    "name": "shop",
    "info": {
        "first_deployed": "2026-11-27T10:00:00.123456789+02:00",
        "last_deployed": "2026-11-27T10:00:00.123456789+02:00",
        "description": "Install complete",
        "status": "deployed",
    },
    "chart": {
        "metadata": {"name": "shop", "version": "1.0.0", "appVersion": "7"},
        "templates": [{"name": "a", "data": "eA=="}],
    },
    "config": {"a": "<b> & c"},
    "manifest": "---\na: é\n",
    "hooks": [
        {"name": "smoke", "events": ["test"], "last_run": {"started_at": "", "completed_at": "", "phase": ""}},
        {"name": "migrate", "events": ["pre-upgrade"], "last_run": {"phase": "Succeeded"}},
    ],
    "version": 1,
    "namespace": "apps",
}


def secret(document: dict[str, Any]) -> dict[str, Any]:
    name = key_of(document["name"], document["version"])
    return {"metadata": {"name": name}, "data": {"release": packed(document)}}


def test_what_is_packed_can_be_read() -> None:
    assert stored(secret(DOCUMENT)).document == DOCUMENT


def test_the_newest_revision_comes_first() -> None:
    revisions = [secret({**DOCUMENT, "version": version}) for version in (2, 10, 9)]
    assert [one.version for one in newest_first(revisions)] == [10, 9, 2]


@pytest.mark.parametrize(
    "data", ["", "!!", base64.b64encode(b"x").decode(), base64.b64encode(base64.b64encode(b"[1]")).decode()]
)
def test_what_nobody_can_read_is_an_error_and_not_an_absent_release(data: str) -> None:
    with pytest.raises(InvalidError, match="Secret x holds no release"):
        stored({"metadata": {"name": "x"}, "data": {"release": data}})


def test_a_release_of_zeros_is_not_unpacked_without_end() -> None:
    zeros = base64.b64encode(base64.b64encode(gzip.compress(b"0" * (LARGEST + 1)))).decode()
    with pytest.raises(InvalidError, match="more than 64 MiB"):
        stored({"metadata": {"name": "x"}, "data": {"release": zeros}})


def test_the_digest_is_taken_over_what_go_writes() -> None:
    """The text was made by hand from Flux's description of an observation: fields in this order, tests left out."""
    import hashlib  # only here

    text = (
        '{"name":"shop","version":1,"info":' + json.dumps(DOCUMENT["info"], separators=(",", ":")) + ',"chartMetadata":'
        '{"name":"shop","version":"1.0.0","appVersion":"7"},"config":{"a":"\\u003cb\\u003e \\u0026 c"},'
        '"manifest":"---\\na: é\\n","hooks":[{"name":"migrate","events":["pre-upgrade"],"last_run":{"phase":"Succeeded"}}],'
        '"namespace":"apps"}\n'
    )
    assert release_digest(stored(secret(DOCUMENT))) == f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def test_tests_that_somebody_ran_by_hand_change_nothing() -> None:
    known = snapshot(stored(secret(DOCUMENT)), "install")
    ran = json.loads(json.dumps(DOCUMENT))
    ran["hooks"][0]["last_run"]["phase"] = "Failed"
    assert is_of(known, stored(secret(ran)))
    changed = {**DOCUMENT, "config": {"a": "other"}}
    assert not is_of(known, stored(secret(changed)))


def test_a_snapshot_has_what_flux_writes() -> None:
    taken = snapshot(stored(secret(DOCUMENT)), "install").model_dump(by_alias=True)
    assert taken["firstDeployed"] == "2026-11-27T08:00:00Z"
    assert (taken["chartVersion"], taken["appVersion"], taken["status"], taken["action"]) == (
        "1.0.0",
        "7",
        "deployed",
        "install",
    )


@pytest.mark.parametrize("written", ["", None, "0001-01-01T00:00:00Z", "not a time"])
def test_no_time_is_none(written: object) -> None:
    assert moment(written) is None


def test_only_tests_that_are_wanted_count() -> None:
    one = stored(secret(DOCUMENT))
    assert list(hooks_tested(one, Test())) == ["smoke"]
    assert not hooks_tested(one, Test.model_validate({"filters": [{"name": "smoke", "exclude": True}]}))
    assert not hooks_tested(one, Test.model_validate({"filters": [{"name": "other"}]}))


@pytest.mark.parametrize("length", [52, 53, 54, 200])
def test_a_name_is_never_longer_than_helm_takes(length: int) -> None:
    name = shortened("x" * length)
    assert len(name) == min(length, 53)
    assert (name == "x" * length) is (length <= 53)


def test_a_long_name_is_shortened_as_flux_shortens_it() -> None:
    long = "a" * 60
    assert shortened(long) == "a" * 40 + "-" + "11ee391211c6256460b6ed375957fadd8061cafbb31daf967db875aebd5aaad4"[:12]


def test_a_release_is_named_by_its_target_namespace_too() -> None:
    assert release_name(helm_release()) == "shop"
    assert release_name(helm_release({"targetNamespace": "prod"})) == "prod-shop"
    assert release_name(helm_release({"targetNamespace": "prod", "releaseName": "it"})) == "it"
