"""The audit trail leaves the cluster: in order, the same each time, and nothing is taken away that is not in a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.kubernetes.kinds import AUDIT_RECORD
from deployments.commands.audit import export_command
from deployments.tools.audit import Asked, exported, forget, write
from sluice.audit.lines import line
from sluice.audit.own import own_record
from sluice.errors import ConflictError, InvalidError
from sluice.manifests.own.audit_record import Act, AuditRecord
from tests.memory_cluster import MemoryCluster
from tests.samples import canary

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Paged(MemoryCluster):
    """A cluster that forgets a list before its end, some times."""

    forgets: int = 0

    async def pages(self, kind: Any, namespace: str | None = None) -> Any:
        async for page in super().pages(kind, namespace):
            yield page
            if self.forgets:
                self.forgets -= 1
                raise ConflictError("the provided continue parameter is too old")


def trail(cluster: MemoryCluster, *made: tuple[str, str, str, str]) -> None:
    """Records by namespace, Canary, act and time."""
    for number, (namespace, name, act, at) in enumerate(made):
        spec = {"act": act, "by": "ann", "canary": name, "reason": "näher\nbesehen", "groups": ["sre"]}
        meta = {"name": f"r{9 - number}", "namespace": namespace, "uid": f"u{number}", "creationTimestamp": at}
        cluster.add({"apiVersion": "sluice.dev/v1alpha1", "kind": "AuditRecord", "metadata": meta, "spec": spec})


@pytest.fixture
def cluster() -> MemoryCluster:
    it = Paged()
    trail(
        it,
        ("team", "shop", "approve", "2026-11-02T00:00:00Z"),
        ("team", "shop", "abort", "2026-11-01T00:00:00Z"),
        ("team", "cart", "pause", "2026-11-02T00:00:00Z"),
        ("other", "shop", "pause", "2026-08-01T00:00:00Z"),
    )
    return it


async def acts(cluster: Any, **asked: str) -> list[tuple[str, str]]:
    return [(one.namespace, one.spec.act) for one in await exported(cluster, Asked(**asked).checked())]


async def test_records_come_in_the_order_in_which_they_were_made(cluster: MemoryCluster) -> None:
    """Those of one second too; pages are put together."""
    everything = [("other", "pause"), ("team", "abort"), ("team", "approve"), ("team", "pause")]
    assert await acts(cluster) == everything
    assert await acts(cluster, since="2026-11-02") == everything[2:]
    assert await acts(cluster, until="2026-11-01T00:00:00Z") == everything[:1]
    assert await acts(cluster, canary="shop") == everything[:3]
    assert await acts(cluster, canary="team/shop") == everything[1:3]
    assert await acts(cluster, namespace="other") == everything[:1]


async def test_a_list_that_the_cluster_forgot_is_begun_anew(cluster: Paged) -> None:
    """No record twice, none left out; and an end."""
    cluster.forgets = 2
    assert len(await acts(cluster)) == 4
    cluster.forgets = 3
    with pytest.raises(ConflictError):
        await acts(cluster)


async def test_a_record_is_one_line_with_its_fields_in_one_order(cluster: MemoryCluster, tmp_path: Path) -> None:
    """Whatever is in it, also what a later version says besides."""
    records = await exported(cluster, Asked())  # type: ignore[arg-type]
    more = {"zeal": 1, "also": 2}
    spec = records[0].spec.model_copy(update={"__pydantic_extra__": more})
    assert write(tmp_path / "trail.jsonl", records) == 4
    lines = (tmp_path / "trail.jsonl").read_text().splitlines()
    assert len(lines) == 4
    fields = ["time", "namespace", "name", "uid", "act", "by", "groups", "through", "canary", "revision", "version"]
    assert list(json.loads(lines[0])) == [*fields, "gate", "point", "reason", "at"]
    assert json.loads(lines[0])["reason"] == "näher\nbesehen"
    extended = AuditRecord.parse({"metadata": {"name": "x"}, "spec": {**spec.model_dump(by_alias=True), **more}})
    assert list(json.loads(line(extended)))[-2:] == ["also", "zeal"]
    assert [one.name for one in tmp_path.iterdir()] == ["trail.jsonl"]  # noqa: ASYNC240


async def test_only_what_is_in_the_file_and_old_is_taken_away(cluster: MemoryCluster) -> None:
    """What was made since, or is about somebody else, stays."""
    records = await exported(cluster, Asked(canary="shop"))  # type: ignore[arg-type]
    assert await forget(cluster, records, 27, NOW) == 1  # type: ignore[arg-type]
    assert len(await cluster.list(AUDIT_RECORD)) == 3
    assert await forget(cluster, records, 26, NOW) == 2  # type: ignore[arg-type]
    assert [one["spec"]["canary"] for one in await cluster.list(AUDIT_RECORD)] == ["shop", "cart"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"forget_after": 90}, "--to FILE"),
        ({"forget_after": 0, "to": Path("x")}, "--to FILE"),
        ({"since": "yesterday"}, "--since 'yesterday' is no time"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], said: str) -> None:
    """Before anything is asked of the cluster."""
    with pytest.raises(InvalidError, match=said):
        export_command(**options)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """And nothing is taken away then."""
    with pytest.raises(InvalidError, match=r"--to .* cannot be written"):
        write(tmp_path / "nowhere" / "trail.jsonl", [])


def test_names_at_their_limits_fit(tmp_path: Path) -> None:
    """Of Canaries, gates, versions and reasons; and of what differs only at the end."""
    status = {"phase": "Succeeded", "lastAppliedSpec": "f" * 16, "lastTransitionTime": "2026-11-28T10:00:00Z"}
    short = canary(status=status)
    long = short.model_copy(update={"metadata": short.metadata.model_copy(update={"name": "n" * 253})})
    said = {"reason": "r" * 5000, "gate": f"{'n' * 63}/{'g' * 600}", "point": "confirm-rollout"}
    for act in Act:
        record = own_record(long, act, "2026-11-28T10:00:00Z", **said)
        assert len(record["metadata"]["name"]) <= 253
        assert AuditRecord.parse(record).spec.canary == "n" * 253
        assert record == own_record(long, act, "2026-11-28T10:00:00Z", **said)
    names = {own_record(long, Act.GATE_OPENED, "", point=point)["metadata"]["name"] for point in ("a", "b")}
    assert len(names) == 2


def test_the_line_that_the_page_shows_is_one() -> None:
    """With the fields of today, in their order."""
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
    (shown,) = [one for one in page.splitlines() if one.startswith('{"time"')]
    said = json.loads(shown)
    meta = {"name": said["name"], "namespace": said["namespace"], "uid": said["uid"], "creationTimestamp": said["time"]}
    spec = {key: said[key] for key in list(said)[4:]}
    assert line(AuditRecord.parse({"metadata": meta, "spec": spec})) == shown
