"""Asks a cluster which of sluice's rights it gives, by SelfSubjectAccessReview: a question that stores nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import IMAGE_REPOSITORY
from blocks.sources.access import secrets_of
from blocks.sources.table import all_sources
from deployments.rights.part import Part
from deployments.rights.table import Right, Where, rights_of
from sluice.errors import TerminalError
from sluice.manifests.flux.image_repository import ImageRepository

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
        """The Secrets that sources and registries name now; what may not be listed is named by another question."""
        named: dict[tuple[str, str], None] = {}
        with suppress(TerminalError):
            for source in await all_sources(self.cluster):
                for name in secrets_of(source):
                    named[(source.namespace, name)] = None
        with suppress(TerminalError):
            for images in ImageRepository.valid(await self.cluster.list(IMAGE_REPOSITORY)):
                if images.spec.secret_ref:
                    named[(images.namespace, images.spec.secret_ref.name)] = None
        secrets = rights_of(self.parts, Where.NAMED)
        return [
            Asked(right, verb, namespace, name)
            for right in secrets
            for verb in right.verbs
            for namespace, name in named
        ]

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
