"""A program that gives credentials (`users[].user.exec` of a kubeconfig), as EKS, GKE and AKS have it.

The protocol is Kubernetes' client authentication (`client.authentication.k8s.io`). The official client runs such a program
once, waits for it without end, and goes on without credentials where it fails. Here it is run again before what it gave
ends, and when the server refuses it; in the background while the old credential is still good, and once for all who ask.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from blocks.kubernetes.logins.base import AGAIN, Credential
from blocks.programs import ended
from sluice.addresses import cleaned
from sluice.errors import SluiceError, TerminalError, TransientError

log = logging.getLogger("sluice.kubernetes")
TIMEOUT = 30.0
"""Seconds that the program may take: some of them ask an identity provider far away."""
MARGIN = 60.0
"""Seconds before its end at which a credential is renewed; a fifth of its life where that is less."""
SHORTEST = 10.0
"""Seconds that a credential is used at least, whatever its end: clocks run apart, and programs answer from caches."""


@dataclass(frozen=True, slots=True)
class Program:
    """How the program is called.

    Attributes:
        command: program and arguments.
        environment: what it gets on top of ours.
        api_version: of the protocol.
        user: the kubeconfig's user that it belongs to.
        hint: what the kubeconfig says about installing it.
        cluster: what it gets to know of the cluster; None where it did not ask.
    """

    command: tuple[str, ...]
    api_version: str
    user: str
    environment: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    cluster: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f"the exec plugin {self.command[0]} of kubeconfig user {self.user}"

    async def run(self) -> dict[str, Any]:
        """The `status` of the ExecCredential that it printed.

        Raises:
            TerminalError: it is not there, or speaks another version.
            TransientError: it failed, took too long, or printed something else.
        """
        spec = {"interactive": False, **({"cluster": self.cluster} if self.cluster is not None else {})}
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        environment = {**os.environ, **self.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            plugin = await ended(self.command, environment, TIMEOUT, errors=True)
        except TimeoutError as error:
            raise TransientError(f"{self} gave no credentials within {TIMEOUT:g} s") from error
        except OSError as error:
            raise TerminalError(f"{self} cannot be started ({error.strerror}). {self.hint}".strip()) from error
        if plugin.code:
            words = " ".join(cleaned(plugin.said.decode(errors="replace")).split())[-300:]
            raise TransientError(f"{self} failed with exit code {plugin.code}: {words}")
        return self._status(plugin.out)

    def _status(self, out: bytes) -> dict[str, Any]:
        # Nothing of what it printed may get into a message.
        try:
            answer = json.loads(out)
            version, status = answer["apiVersion"], dict(answer["status"])
        except (ValueError, KeyError, TypeError):
            raise TransientError(f"{self} printed no ExecCredential with a status") from None
        if version != self.api_version:
            raise TerminalError(f"{self} answers in {version}, its kubeconfig says {self.api_version}: make them agree")
        if not status.get("token") and not (status.get("clientCertificateData") and status.get("clientKeyData")):
            raise TransientError(f"{self} gave neither a token nor a client certificate with its key")
        return status


@dataclass(slots=True)
class ExecPlugin:
    """The login by an exec plugin.

    Attributes:
        program: what gives the credentials.
        use_certificate: makes connections from now on with this certificate and key.
        clock: seconds since the epoch, on which credentials end.
    """

    program: Program
    use_certificate: Callable[[str, str], object]
    clock: Callable[[], float] = time.time
    _credential: Credential | None = None
    _due: float = 0.0
    _ends: float = 0.0
    _barred: float = -inf
    """Until when the program is not run again."""
    _running: asyncio.Task[SluiceError | None] | None = None
    _failure: SluiceError | None = None

    @property
    def refusal(self) -> str:
        return (
            f"{self.program} gave credentials that the server refuses, newly made ones too: "
            "log in again where it gets them, or let the cluster know that user"
        )

    async def credential(self) -> Credential:
        now = self.clock()
        if self._credential is not None and now < self._ends:
            if now >= self._due:
                self._start()
            return self._credential
        if (failure := await self._ended(self._start())) is not None:
            raise failure
        assert self._credential is not None  # noqa: S101 - a run without failure has set it
        return self._credential

    async def renew(self, refused: Credential) -> bool:
        if self._credential == refused:
            running = self._start()
            self._barred = self.clock() + AGAIN
            if (failure := await self._ended(running)) is not None:
                raise failure
        return self._credential != refused

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _start(self) -> asyncio.Task[SluiceError | None] | None:
        """The run that is under way, or a new one; None where there was one a moment ago that helped nothing."""
        if self._running is None or self._running.done():
            # A clock that was turned back does not bar for longer.
            if 0 < self._barred - self.clock() <= AGAIN:
                return None
            self._running = asyncio.create_task(self._renewed())
        return self._running

    async def _ended(self, running: asyncio.Task[SluiceError | None] | None) -> SluiceError | None:
        # A waiting task may be cancelled before the program is ready; the others go on waiting.
        failure = await asyncio.shield(running) if running else self._failure
        return type(failure)(str(failure)) if failure else None

    async def _renewed(self) -> SluiceError | None:
        try:
            status = await self.program.run()
            now, serial = self.clock(), (self._credential.serial if self._credential else 0) + 1
            if status.get("clientCertificateData"):
                try:
                    self.use_certificate(status["clientCertificateData"], status["clientKeyData"])
                except (OSError, ValueError) as error:
                    raise TransientError(f"{self.program} gave a certificate that cannot be used: {error}") from error
        except SluiceError as error:
            log.warning("%s", error)
            self._failure, self._barred = error, self.clock() + AGAIN
            return error
        self._credential = Credential(f"Bearer {status['token']}" if status.get("token") else "", serial)
        self._failure = None
        lasts = max(_end(status.get("expirationTimestamp")) - now, SHORTEST)
        self._ends, self._due = now + lasts, now + lasts - min(MARGIN, lasts / 5)
        return None


def _end(stamp: object) -> float:
    """When a credential ends; never, as far as anybody knows, where it says nothing that can be read."""
    try:
        at = datetime.fromisoformat(str(stamp))
    except ValueError:
        return inf
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
