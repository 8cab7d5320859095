"""Metrics of flag audits, as a Prometheus reads them over HTTP."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deployments.measured import serving
from deployments.measured.serving import measure
from deployments.settings import Settings
from sluice.errors import TerminalError, TransientError
from tests.memory_cluster import MemoryCluster

DAY = 86400.0
STATUS = {
    "lastAudit": "2026-01-31T00:00:00Z",
    "conditions": [{"type": "Ready", "status": "False", "reason": "AuditIncomplete", "message": "x"}],
    "flags": [
        {"key": "a", "finding": "fully-on", "value": "true", "since": "2026-01-01T00:00:00Z"},
        {"key": "b", "finding": "fully-on", "value": "true", "since": "2026-01-02T00:00:00Z"},
        {"key": "c", "finding": "live"},
        {"key": "d", "finding": "experiment-over", "since": "2026-01-02T00:00:00Z"},
        {"key": "e", "finding": "of-a-later-version", "value": "true", "since": "2026-01-02T00:00:00Z"},
    ],
    "removals": [{"flag": "a", "value": "true", "url": "u", "branch": "b", "into": "main"}],
}


def audit(**status: Any) -> dict[str, Any]:
    service = {"type": "flipt", "address": "http://flags.invalid"}
    return {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "FlagAudit",
        "metadata": {"name": "weekly", "namespace": "team"},
        "spec": {"service": service, "repositories": [{"url": "https://git.invalid/a/b"}]},
        "status": {**STATUS, **status},
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def scraped(port: int) -> dict[tuple[str, ...], float]:
    async with httpx.AsyncClient(trust_env=False) as http:
        async with asyncio.timeout(10):
            while True:
                try:
                    text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                except httpx.RequestError:
                    text = ""
                if "sluice_flags{" in text:
                    break
                await asyncio.sleep(0.02)
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    names = ("namespace", "audit", "flag", "finding", "state")
    return {(one.name, *(one.labels[name] for name in names if name in one.labels)): one.value for one in found}


async def test_flags_and_their_ages_are_measured() -> None:
    """Only what can leave the code has an age; a finding that this version does not know is counted nevertheless."""
    cluster: Any = MemoryCluster()
    cluster.add(audit())
    port = free_port()
    serve = asyncio.create_task(measure(cluster, Settings(own_metrics_port=port)))
    try:
        found = await scraped(port)
    finally:
        serve.cancel()
        await asyncio.wait({serve})
    of = ("team", "weekly")
    assert found["sluice_flags", *of, "fully-on"] == 2
    assert found["sluice_flags", *of, "of-a-later-version"] == 1
    assert found["sluice_flag_removals", *of, "open"] == 1
    assert found["sluice_flag_audit_complete", *of] == 0
    ages = {key[3]: value for key, value in found.items() if key[0] == "sluice_stale_flag_age_seconds"}
    assert set(ages) == {"a", "b"}
    assert ages["a"] - ages["b"] == pytest.approx(DAY)
    with socket.socket() as one:  # the port is free again
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", port))


async def test_a_port_that_is_taken_names_the_setting() -> None:
    """And nothing else of the watcher ends."""
    cluster: Any = MemoryCluster()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        with pytest.raises(TerminalError, match="SLUICE_OWN_METRICS_PORT"):
            await measure(cluster, Settings(own_metrics_port=one.getsockname()[1]))


async def test_what_cannot_be_seen_now_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that is away makes no flag young."""
    from datetime import UTC, datetime

    from deployments.measured.flags import FlagMetrics

    cluster: Any = MemoryCluster()
    cluster.add(audit())
    metrics = FlagMetrics(datetime.now(UTC))
    await serving.look(cluster, metrics, ())
    before = metrics.audits

    async def away(*given: object) -> Any:
        raise TransientError("the API server does not answer")

    monkeypatch.setattr(cluster, "list", away)
    await serving.look(cluster, metrics, ("team",))
    assert metrics.audits == before
    assert len(before) == 1
