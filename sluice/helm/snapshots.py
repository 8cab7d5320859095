"""Snapshots of stored releases, with the digests that Flux writes: by these each knows the other's releases.

A snapshot's digest is taken over what Flux's controller takes it over: the release without its chart's files and without
its tests, which people may run by hand, as Go writes it as JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sluice.helm.storage import StoredRelease
from sluice.helm.values.config_digest import config_digest
from sluice.manifests.flux.helm.acts import Test
from sluice.manifests.flux.helm.status import SNAPSHOT_VERSION, Snapshot, TestHookStatus

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def release_digest(release: StoredRelease, oci_digest: str = "") -> str:
    """The digest of a stored release, `sha256:…`."""
    hooks = [one for one in release.hooks if "test" not in (one.get("events") or ())]
    seen: dict[str, Any] = {
        "name": release.name,
        "version": release.version,
        "info": release.info,
        "chartMetadata": release.chart,
        "config": release.config or None,
        "manifest": release.manifest,
        "hooks": hooks or None,
        "namespace": release.namespace,
    }
    if oci_digest:
        seen["ociDigest"] = oci_digest
    return f"sha256:{hashlib.sha256((go_json(seen) + chr(10)).encode()).hexdigest()}"


def go_json(value: Any) -> str:
    """JSON as Go's encoder writes it: no blanks, and what could be HTML escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for one, escaped in _ESCAPED.items():
        text = text.replace(one, escaped)
    return text


def snapshot(release: StoredRelease, action: str, oci_digest: str = "") -> Snapshot:
    """The snapshot of a stored release.

    Args:
        action: the act that it is the result of.
        oci_digest: of the artifact that its chart came from; empty where it came from elsewhere.
    """
    return Snapshot(
        api_version=SNAPSHOT_VERSION,
        digest=release_digest(release, oci_digest),
        name=release.name,
        namespace=release.namespace,
        version=release.version,
        status=release.status,
        action=action,
        chart_name=str(release.chart.get("name", "")),
        chart_version=str(release.chart.get("version", "")),
        app_version=str(release.chart.get("appVersion", "")),
        config_digest=config_digest(release.config),
        first_deployed=moment(release.info.get("first_deployed")),
        last_deployed=moment(release.info.get("last_deployed")),
        deleted=moment(release.info.get("deleted")),
        oci_digest=oci_digest,
    )


def is_of(known: Snapshot, release: StoredRelease) -> bool:
    """Whether a stored release is as our last act left it.

    A snapshot of an older Flux has a digest of another form; then its name and revision have to do, as Flux has it.
    """
    if (known.name, known.version) != (release.name, release.version):
        return False
    return known.api_version != SNAPSHOT_VERSION or known.digest == release_digest(release, known.oci_digest)


def hooks_tested(release: StoredRelease, tests: Test) -> dict[str, TestHookStatus | None]:
    """How the tests that are wanted went."""
    return {
        str(one.get("name")): _run(one.get("last_run") or {})
        for one in release.hooks
        if "test" in (one.get("events") or ()) and tests.selects(str(one.get("name")))
    }


def moment(written: object) -> str | None:
    """A time of helm's as Kubernetes writes it; None where there is none."""
    text = str(written or "")
    if not text or text.startswith("0001-"):
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _run(last: Mapping[str, Any]) -> TestHookStatus:
    return TestHookStatus(
        last_started=moment(last.get("started_at")),
        last_completed=moment(last.get("completed_at")),
        phase=str(last.get("phase") or ""),
    )
