"""The status of image objects: what `kubectl get imagepolicy` shows, in Flux's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.images import record
from sluice.images.reference import ImageRef
from sluice.manifests.flux.image_policy import ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def policy(status: dict[str, Any] | None = None, **spec: Any) -> ImagePolicy:
    wanted = {"imageRepositoryRef": {"name": "shop"}, "policy": {"semver": {"range": "*"}}, **spec}
    meta = {"name": "shop", "namespace": "team", "generation": 3}
    return ImagePolicy.parse({"metadata": meta, "spec": wanted, "status": status or {}})


def image(tag: str, digest: str = NEW) -> ImageRef:
    return ImageRef(name="registry.example/shop", tag=tag, digest=digest)


def after(body: dict[str, Any] | None) -> dict[str, Any]:
    assert body is not None
    return dict(body["status"])


@pytest.mark.parametrize(
    ("wish", "known", "digest"),
    [
        (None, None, NEW),
        ("Always", ("1.0.0", OLD), NEW),
        ("Never", ("1.0.0", OLD), ""),
        ("IfNotPresent", None, NEW),
        ("IfNotPresent", ("1.0.0", OLD), OLD),
        ("IfNotPresent", ("0.9.0", OLD), NEW),
        ("IfNotPresent", ("1.0.0", ""), NEW),
    ],
    ids=["by default", "always", "never", "first", "pushed again", "a newer tag", "without one"],
)
def test_the_digest_is_what_its_policy_says(wish: str | None, known: tuple[str, str] | None, digest: str) -> None:
    """As Flux's digestReflectionPolicy; where none is given, what was pushed is named byte for byte."""
    latest = {"latestRef": {"name": "registry.example/shop", "tag": known[0], "digest": known[1]}} if known else {}
    asked = {"digestReflectionPolicy": wish} if wish else {}
    assert record.pinned(policy(latest, **asked), NEW, "1.0.0") == digest


def test_a_policy_tells_its_latest_image_and_the_one_before() -> None:
    """And says it once: a second delivery of the same writes nothing."""
    first = after(record.chosen(policy(), image("1.0.0"), NOON))
    assert first["latestRef"] == {"name": "registry.example/shop", "tag": "1.0.0", "digest": NEW}
    assert "observedPreviousRef" not in first
    assert first["observedGeneration"] == 3
    assert record.chosen(policy(first), image("1.0.0"), NOON) is None
    assert record.chosen(policy(first), image("1.0.0", ""), NOON) is None, "nobody asked for the digest this time"
    second = after(record.chosen(policy(first), image("1.1.0"), NOON))
    assert second["observedPreviousRef"] == first["latestRef"]
    assert second["latestRef"]["tag"] == "1.1.0"


def test_a_policy_that_wants_nothing_or_is_wrong_says_so() -> None:
    """Its owner reads the reason where he looks first; what it wanted before stays."""
    none = after(record.chosen(policy(), None, NOON))
    assert [(one["type"], one["status"]) for one in none["conditions"]] == [("Ready", "False")]
    assert "latestRef" not in none
    assert record.chosen(policy(none), None, NOON) is None
    wrong = after(record.wrong(policy(none), "spec.policy is wrong", NOON))
    assert wrong["conditions"][0]["message"] == "spec.policy is wrong"


def test_a_repository_tells_what_was_found() -> None:
    """How many tags, and the first of them; fields that nobody acts on by name."""
    spec = {"image": "registry.example/shop", "provider": "aws", "colour": "red"}
    one = ImageRepository.parse({"metadata": {"name": "shop"}, "spec": spec})
    status = after(record.scanned(one, [f"1.0.{number}" for number in range(12)], NOON))
    assert status["lastScanResult"]["tagCount"] == 12
    assert len(status["lastScanResult"]["latestTags"]) == record.SAMPLE
    assert {each["type"]: each["message"] for each in status["conditions"]} == {
        "Ready": "successful scan: found 12 tags with checksum 488e31e64e863a27",
        "UnsupportedFields": "sluice does not act on spec.colour",
    }
    assert status["canonicalImageName"] == "registry.example/shop"
    assert status["observedExclusionList"] == [r"^.*\.sig$"]
