"""What a fetch writes into the status of a source: in Flux's words, once, and with the reason where there is nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.errors import InvalidError, NotFoundError, SluiceError, TransientError, UnverifiedError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.sync.artifact import Fetch, failed, stored

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ONE, TWO = f"main@sha1:{'1' * 40}", f"main@sha1:{'2' * 40}"


def fetch(revision: str = ONE, **more: Any) -> Fetch:
    return Fetch(revision=revision, digest=f"sha256:{revision[-1] * 64}", **more)


def source(status: dict[str, Any] | None = None, generation: int = 1, asked: str = "", **spec: Any) -> GitRepository:
    meta: dict[str, Any] = {"name": "shop", "namespace": "team", "generation": generation}
    if asked:
        meta["annotations"] = {"reconcile.fluxcd.io/requestedAt": asked}
    url = {"url": "https://bot:TOKEN@git.example/shop", "ref": {"branch": "main"}}
    return GitRepository.parse({"metadata": meta, "spec": url | spec, "status": status or {}})


def after(body: dict[str, Any] | None) -> dict[str, Any]:
    """The status after a merge patch with the body: what is null in it is taken away."""
    assert body is not None
    return dict(merged(body["status"]))


def merged(body: Any) -> Any:
    return {key: merged(value) for key, value in body.items() if value is not None} if isinstance(body, dict) else body


def condition(status: dict[str, Any], type_: str) -> tuple[str, str, str] | None:
    found = [one for one in status["conditions"] if one["type"] == type_]
    return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else None


def test_a_source_tells_its_revision_once() -> None:
    """The same revision again writes nothing; a new one, a changed manifest or the end of a failure does."""
    status = after(stored(source(), fetch(ONE), NOON))
    assert status["artifact"]["revision"] == ONE
    assert stored(source(status), fetch(ONE), LATER) is None
    assert stored(source(status), fetch(TWO), LATER)
    assert stored(source(status, generation=2), fetch(ONE), LATER)


def test_a_source_that_cannot_be_fetched_says_why_and_recovers() -> None:
    """Ready goes False with git's words, what was fetched stays known, and the same revision later makes it True again."""
    status = after(stored(source(), fetch(ONE), NOON))
    gone = NotFoundError("no such branch")
    broken = after(failed(source(status), gone, LATER))
    assert condition(broken, "Ready") == ("False", "GitOperationFailed", "no such branch")
    assert condition(broken, "FetchFailed") == ("True", "GitOperationFailed", "no such branch")
    assert condition(broken, "ArtifactInStorage") == condition(status, "ArtifactInStorage")
    assert "artifact" not in broken
    assert failed(source(status | broken), gone, LATER) is None
    well = after(stored(source(status | broken), fetch(ONE), LATER))
    assert condition(well, "Ready") == ("True", "Succeeded", f"stored artifact for revision '{ONE}'")
    assert condition(well, "FetchFailed") is None
    assert well["artifact"]["lastUpdateTime"] == status["artifact"]["lastUpdateTime"]


def test_a_source_names_the_fields_that_are_not_acted_on() -> None:
    """Tags, ranges and submodules are followed; what nobody acts on is named, not ignored."""
    spec = {"ref": {"branch": "main", "tag": "v1"}, "recurseSubmodules": True}
    status = after(stored(source(None, 1, "", **spec, newField=1), fetch(ONE), NOON))
    assert condition(status, "UnsupportedFields") == ("True", "NotActedOn", "sluice does not act on spec.newField")
    assert condition(after(stored(source(status), fetch(TWO), LATER)), "UnsupportedFields") is None


def test_the_artifact_is_what_flux_s_definition_asks_for() -> None:
    """Each required field has a value of its form; no login is in the address."""
    artifact = after(stored(source(), fetch(ONE, size=7, metadata={"org.opencontainers.image.revision": "x"}), NOON))[
        "artifact"
    ]
    assert artifact == {
        "revision": ONE,
        "digest": f"sha256:{'1' * 64}",
        "lastUpdateTime": "2026-01-01T12:00:00Z",
        "path": f"gitrepository/team/shop/{'1' * 64}",
        "url": "https://git.example/shop",
        "size": 7,
        "metadata": {"org.opencontainers.image.revision": "x"},
    }


@pytest.mark.parametrize(
    ("error", "present", "absent"),
    [
        (TransientError("away"), ("FetchFailed", "Reconciling"), ("Stalled",)),
        (InvalidError("odd"), ("FetchFailed", "Stalled"), ("Reconciling",)),
        (NotFoundError("gone"), ("FetchFailed",), ("Stalled", "Reconciling")),
    ],
)
def test_what_may_pass_is_told_apart_from_what_a_person_has_to_change(
    error: SluiceError, present: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    """Reconciling while it is tried again, Stalled where the manifest has to change; one takes the place of the other."""
    before = after(failed(source(), InvalidError("before"), NOON))
    before |= after(failed(source(before), TransientError("before"), NOON))
    status = after(failed(source(before), error, LATER))
    assert all(condition(status, one) for one in present)
    assert not any(condition(status, one) for one in absent)


def test_a_signature_is_told_in_a_condition_of_its_own() -> None:
    """What has none is not ready for that reason; a source that no longer asks for one says nothing of it."""
    why = UnverifiedError("commit 'c' is not signed", reason="InvalidCommitSignature")
    status = after(failed(source(), why, NOON))
    assert condition(status, "SourceVerified") == ("False", "InvalidCommitSignature", str(why))
    assert condition(status, "Ready") == ("False", "InvalidCommitSignature", str(why))
    assert condition(status, "FetchFailed") is None
    good = after(stored(source(status), fetch(ONE, verified="verified signature of commit 'c'"), LATER))
    assert condition(good, "SourceVerified") == ("True", "Succeeded", "verified signature of commit 'c'")
    assert condition(after(stored(source(good), fetch(ONE), LATER)), "SourceVerified") is None


def test_who_asks_for_a_look_gets_an_answer() -> None:
    """`flux reconcile` waits for its own time in `lastHandledReconcileAt`, also where nothing moved or nothing works."""
    status = after(stored(source(), fetch(ONE), NOON))
    answered = after(stored(source(status, asked="t1"), fetch(ONE), LATER))
    assert answered["lastHandledReconcileAt"] == "t1"
    assert stored(source(status | answered, asked="t1"), fetch(ONE), LATER) is None
    broken = after(failed(source(status | answered, asked="t2"), NotFoundError("gone"), LATER))
    assert broken["lastHandledReconcileAt"] == "t2"
