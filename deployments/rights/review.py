"""Asks a cluster which of sluice's rights it gives, by SelfSubjectAccessReview: a question that stores nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import BUCKET, GIT_REPOSITORY, IMAGE_REPOSITORY, OCI_REPOSITORY, PROVIDER, RECEIVER
from deployments.rights.part import Part
from deployments.rights.right import Right, Where
from deployments.rights.table import rights_of
from sluice.errors import TerminalError
from sluice.manifests.flux.bucket import Bucket
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.notification.provider import Provider
from sluice.manifests.flux.oci_repository import OCIRepository
from sluice.manifests.flux.receiver import Receiver

NAMING: Mapping[Part, Sequence[tuple[Kind, Any]]] = {
    Part.WORKER: (
        (GIT_REPOSITORY, GitRepository),
        (OCI_REPOSITORY, OCIRepository),
        (BUCKET, Bucket),
        (IMAGE_REPOSITORY, ImageRepository),
        (PROVIDER, Provider),
    ),
    Part.RECEIVER: ((RECEIVER, Receiver),),
}
"""The objects whose `spec.secretRef` names a Secret that a part reads."""
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: may I do this there?

    Attributes:
        namespace: empty for all of them.
        name: of one object; empty for all.
    """

    right: Right
    verb: str
    namespace: str
    name: str = ""

    def __str__(self) -> str:
        where = f"in {self.namespace}" if self.namespace else "in all namespaces"
        named = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.right}{named} {where} ({self.right.why})"


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Asks for the rights of these parts, with the credentials of the cluster's connection.

    Attributes:
        own: the namespace of the workers' leases.
    """

    cluster: Cluster
    own: str
    parts: tuple[Part, ...] = tuple(Part)
    name: str = "rights"

    async def ping(self) -> str:
        """How many rights there are.

        Raises:
            TerminalError: some are missing; each is named, with what it is for.
        """
        asked = [*self._questions(), *await self._secrets()]
        missing = await self.missing(asked)
        if missing:
            raise TerminalError(f"{len(missing)} of {len(asked)} are missing: " + "; ".join(map(str, missing)))
        return f"all {len(asked)} that {' and '.join(self.parts)} need"

    async def missing(self, asked: Iterable[Asked]) -> list[Asked]:
        """Those that are not given, in the order in which they were asked."""
        room = asyncio.Semaphore(AT_ONCE)

        async def given(one: Asked) -> bool:
            async with room:
                return await self._given(one)

        questions = list(asked)
        answers = await asyncio.gather(*(given(one) for one in questions))
        return [one for one, well in zip(questions, answers, strict=True) if not well]

    def _questions(self) -> Iterable[Asked]:
        scopes = {Where.EVERYWHERE: self.cluster.namespaces or ("",), Where.OWN: (self.own,)}
        for where, namespaces in scopes.items():
            for right in rights_of(self.parts, where):
                yield from (Asked(right, verb, namespace) for namespace in namespaces for verb in right.verbs)

    async def _secrets(self) -> list[Asked]:
        """The Secrets that objects name now, for the part that reads them; what may not be listed another question names."""
        asked: list[Asked] = []
        for part in self.parts:
            named: dict[tuple[str, str], None] = {}
            for kind, model in NAMING.get(part, ()):
                with suppress(TerminalError):
                    for one in model.valid(await self.cluster.list(kind)):
                        if reference := one.spec.secret_ref:
                            named[(one.namespace, reference.name)] = None
            asked += [
                Asked(right, verb, namespace, name)
                for right in rights_of((part,), Where.NAMED)
                for verb in right.verbs
                for namespace, name in named
            ]
        return asked

    async def _given(self, asked: Asked) -> bool:
        wanted = {
            "group": asked.right.group,
            "resource": asked.right.kind.plural,
            "subresource": asked.right.subresource,
            "verb": asked.verb,
            "namespace": asked.namespace,
            "name": asked.name,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in wanted.items() if value}},
        }
        answer = await self.cluster.server.call("POST", REVIEW, body=body)
        return bool((answer.get("status") or {}).get("allowed"))
