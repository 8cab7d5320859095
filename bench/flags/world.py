"""What an audit is measured on: a cluster of two kinds of objects, and a flag service, both in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blocks.code.reading import Reading
from blocks.connections import Connections, connected
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Kind
from sluice.errors import NotFoundError
from sluice.flags.flag import Flag, FlagState, Served
from sluice.manifests.own.flag_audit import FlagAudit
from sluice.manifests.own.flag_service import FlagServiceReference

Object = dict[str, Any]
NOW = datetime.now(UTC)


class Objects:
    """A cluster that has only what an audit reads."""

    def __init__(self, *objects: Object) -> None:
        self._objects = {(one["kind"], one["metadata"]["name"]): one for one in objects}

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One of them."""
        if (kind.kind, name) not in self._objects:
            raise NotFoundError(f"{kind.kind} {namespace}/{name} does not exist")
        return self._objects[kind.kind, name]


class Flags:
    """A service with so many flags: a third on for everybody, a third off, a third split."""

    def __init__(self, keys: list[str]) -> None:
        served: list[str | None] = ["true", "false", None]
        self._flags = tuple(_flag(key, served[at % 3]) for at, key in enumerate(sorted(keys)))

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> Any:
        """The service."""
        return self

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        """All of them."""
        return self._flags


def _flag(key: str, everybody: str | None) -> Flag:
    long = NOW - timedelta(days=90)
    state = FlagState(enabled=True, served=Served(everybody=everybody), since=long)
    return Flag(key=key, environments={"production": state}, created_at=long)


def audit_of(places: list[Path]) -> FlagAudit:
    """The FlagAudit over these repositories."""
    service = {"type": "flipt", "address": "http://flags.invalid", "environments": ["production"]}
    spec = {"service": service, "repositories": [{"url": f"file://{place}"} for place in places]}
    return FlagAudit.parse({"metadata": {"name": "bench", "namespace": "bench"}, "spec": spec})


@contextmanager
def wired(home: Path, audit: FlagAudit, keys: list[str]) -> Iterator[None]:
    """This process's connections for the duration of the block."""
    nothing: Any = None
    spec = audit.spec.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    it: Any = Objects({"kind": FlagAudit.kind, "metadata": {"name": "bench", "namespace": "bench"}, "spec": spec})
    connections = Connections(
        cluster=it,
        router=nothing,
        metrics=nothing,
        gates=nothing,
        informers=nothing,
        lease=nothing,
        workers=nothing,
        git=Git(home / "git", protocols=frozenset({"file"})),
        code=Reading(home / "code"),
        flags=Flags(keys),
    )
    with connected(connections):
        yield
