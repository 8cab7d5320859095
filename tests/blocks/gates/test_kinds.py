"""Gates that are time, a number, another service, or a service of one's own."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.gates.kinds.base import Asked, GateAnswer, Ways
from blocks.gates.kinds.table import KINDS, GateKinds
from blocks.gates.table import GATES, Gates
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own import gate as gates
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gate_state import GateState
from tests.gates import gate_object
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest, merged, workload

NOW = 1_800_000_000.0


class Values:
    """A provider with one value; an error is raised."""

    def __init__(self, value: Any) -> None:
        self.value_now, self.queries = value, []

    def values(self, kind: str, address: str = "") -> Any:
        return self

    async def value(self, query: str) -> Any:
        self.queries.append(query)
        if isinstance(self.value_now, Exception):
            raise self.value_now
        return self.value_now


def asked(since: float = NOW, status: dict[str, Any] | None = None, **spec: Any) -> Asked:
    """One question to a Gate of that kind."""
    gate = Gate.parse(gate_object(**spec))
    state = GateState(gate=gate.key, since=since)
    return Asked(gate, Canary.parse(canary_manifest({}, status or {})), "confirm-promotion", "abc", "1.1.0", NOW, state)


def answer(question: Asked, cluster: Any = None, home: str = "sluice", **ways: Any) -> GateAnswer:
    """What it says."""
    given = {"informers": cluster, "http": None, "webhooks": None, **ways}
    kinds = GateKinds(Ways(cluster=cluster, home=home, **given))
    return asyncio.run(kinds.ask(question))


def test_each_kind_of_the_model_has_its_row() -> None:
    """And no other."""
    assert set(KINDS) == set(gates.KINDS)


def test_a_soak_opens_when_its_time_has_passed() -> None:
    """And is asked again just then."""
    early = answer(asked(since=NOW - 60, soak={"for": "10m"}))
    assert (early.open, early.again, early.said) == (False, 540.0, "soaks for 10 minutes")
    assert answer(asked(since=NOW - 600, soak={"for": "10m"})).open


def test_a_soak_may_count_from_the_last_step() -> None:
    """Which had users already."""
    status = {"stepStarted": NOW - 900}
    assert answer(asked(status=status, soak={"for": "10m", "since": "step"})).open
    assert not answer(asked(status=status, soak={"for": "20m", "since": "step"})).open


@pytest.mark.parametrize(
    ("value", "is_open", "said"),
    [
        (50.0, True, "50, in its range"),
        (101.0, False, "the value is not at most 100"),
        (None, False, "the query yields no data"),
        (TransientError("Prometheus is away"), False, "Prometheus is away"),
        (InvalidError("parse error"), False, "parse error"),
    ],
)
def test_a_number_is_in_its_range_or_the_gate_is_closed(value: Any, is_open: bool, said: str) -> None:
    """Whatever is wrong closes it, and says so; nothing refuses a revision."""
    spec = {"query": 'q{n="{{ namespace }}"}', "thresholdRange": {"max": 100}}
    metrics = Values(value)
    found = answer(asked(metric=spec), metrics=metrics)
    assert (found.open, found.said, found.refused, found.again) == (is_open, said, False, 30.0)
    assert metrics.queries == [f'q{{n="{NAMESPACE}"}}']


def test_a_template_is_one_of_the_gates_namespace() -> None:
    """It says where queries are sent."""
    cluster = MemoryCluster()
    meta = {"name": "queue", "namespace": NAMESPACE}
    spec = {"provider": {"type": "prometheus", "address": "http://p"}, "query": "up"}
    cluster.add({"apiVersion": "flagger.app/v1beta1", "kind": "MetricTemplate", "metadata": meta, "spec": spec})
    metric = {"templateRef": {"name": "queue", "namespace": "another"}, "thresholdRange": {"min": 1}}
    assert answer(asked(metric=metric), cluster, metrics=Values(1.0)).open
    metric["templateRef"]["name"] = "none"
    assert "does not exist" in answer(asked(metric=metric), cluster, metrics=Values(1.0)).said


def test_a_metric_without_a_range_or_a_query_is_refused() -> None:
    """By its field."""
    with pytest.raises(InvalidError, match="give min, max or both"):
        asked(metric={"query": "up", "thresholdRange": {}})
    with pytest.raises(InvalidError, match="templateRef"):
        asked(metric={"thresholdRange": {"min": 1}})


def payments(phase: str = "Succeeded", image: str = "registry/payments:1.4.2") -> MemoryCluster:
    """Another Canary, and its primary."""
    cluster = MemoryCluster()
    manifest = merged(
        canary_manifest({"targetRef": {"name": "payments"}}, {"phase": phase}), {"metadata": {"name": "payments"}}
    )
    primary = merged(workload("Deployment", image), {"metadata": {"name": "payments-primary"}})
    cluster.add(manifest, primary)
    return cluster


@pytest.mark.parametrize(
    ("version", "phase", "is_open", "said"),
    [
        (">=1.4", "Succeeded", True, "runs 1.4.2"),
        (">=1.4", "Progressing", True, "runs 1.4.2"),
        (">=1.4", "Failed", True, "runs 1.4.2"),
        (">=1.5", "Succeeded", False, "runs 1.4.2, >=1.5 is needed"),
        (">=1.4", "Promoting", False, "is Promoting"),
        ("*", "Succeeded", True, "runs 1.4.2"),
    ],
)
def test_a_dependency_is_what_its_primary_runs(version: str, phase: str, is_open: bool, said: str) -> None:
    """Not while that is being replaced."""
    found = answer(asked(dependency={"canary": "payments", "version": version}), payments(phase))
    assert (found.open, said in found.said) == (is_open, True)


def test_a_dependency_that_cannot_be_told_is_closed() -> None:
    """Absent, without a version, in somebody else's namespace: and says why."""
    assert "not there" in answer(asked(dependency={"canary": "nobody"}), payments()).said
    latest = answer(asked(dependency={"canary": "payments", "version": ">=1"}), payments(image="payments:latest"))
    assert "no semantic version" in latest.said
    foreign = answer(asked(dependency={"canary": "payments", "namespace": "other"}), payments())
    assert "only a Gate in sluice's own namespace" in foreign.said
    newest = answer(asked(dependency={"canary": "payments", "version": "newest"}), payments())
    assert "dependency.version" in newest.said


def test_a_service_does_not_wait_for_itself() -> None:
    """A Gate for all Canaries of a namespace is also for the one that it names: its next version could never come."""
    found = answer(asked(dependency={"canary": NAME, "version": ">=2"}), MemoryCluster())
    assert (found.open, "itself" in found.said) == (True, True)
    assert not answer(asked(dependency={"canary": NAME, "namespace": "other"}), MemoryCluster(), home=NAMESPACE).open


def test_a_dependency_may_be_in_another_cluster() -> None:
    """By the way that a Kustomization has there."""
    elsewhere = payments()

    class Tenants:
        """One that leads there."""

        def elsewhere(self, home: Any, namespace: str, wanted: Any) -> Any:
            from contextlib import asynccontextmanager

            @asynccontextmanager
            async def way() -> Any:
                assert (namespace, wanted.secret_ref.name) == (NAMESPACE, "west")
                yield elsewhere

            return way()

    spec = {
        "canary": "payments",
        "namespace": NAMESPACE,
        "version": ">=1.4",
        "kubeConfig": {"secretRef": {"name": "west"}},
    }
    assert answer(asked(dependency=spec), MemoryCluster(), tenants=Tenants()).open


@pytest.mark.parametrize(("day", "is_open"), [(27, True), (28, False)])
def test_a_package_of_ones_own_is_a_gate(monkeypatch: pytest.MonkeyPatch, day: int, is_open: bool) -> None:
    """The example's, by the scheme of its address."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples" / "gate"))
    from calendar_gate import CalendarGate

    rows = {**GATES, "calendar": lambda http: CalendarGate(http, lambda zone: datetime(2026, 11, day, 10, tzinfo=zone))}
    webhooks = Gates(httpx.AsyncClient(), rows)
    spec = {"url": "calendar://", "metadata": {"closed": "Fri 15:00-24:00, Sat, Sun", "zone": "Europe/Berlin"}}
    assert answer(asked(webhook=spec), webhooks=webhooks).open is is_open
    sys.modules.pop("calendar_gate", None)
