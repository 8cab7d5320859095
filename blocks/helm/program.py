"""Runs the helm program: fenced in a directory of its own, with no plugin but ours, no credential, and an end.

Helm 4 is needed; a release that Helm 3 has made is read and upgraded by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.helm import post_renderer
from sluice.addresses import cleaned
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.helm.arguments import POST_RENDERER

PASSED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What helm sees of our environment: nothing that is secret, and no proxy, for it speaks to this machine only."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
GRACE = 10.0
"""Seconds that helm has to write down that it was ended."""
MOST = 64 * 1024
"""Bytes of what helm says that are read; the end is what matters."""
LONGEST = 4000
_NOISE = re.compile(r"^(level=|time=|I\d{4} |W\d{4} |E\d{4} |WARNING:)")


@dataclass(frozen=True, slots=True)
class Run:
    """A place for runs of the program.

    Attributes:
        folder: of its own, which only its owner can read.
    """

    folder: Path
    program: str

    @property
    def values(self) -> Path:
        """The file with the values."""
        return self.folder / "values.json"

    def give_values(self, values: Mapping[str, Any]) -> None:
        """Write the values where only this user reads them."""
        private(self.values, json.dumps(values))

    def give_way(self, address: str) -> None:
        """Write the kubeconfig: the way through the passage."""
        context = {"name": "sluice", "context": {"cluster": "sluice", "user": "sluice"}}
        private(
            self.folder / "kubeconfig",
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "sluice",
                    "clusters": [{"name": "sluice", "cluster": {"server": address}}],
                    "users": [{"name": "sluice", "user": {}}],
                    "contexts": [context],
                }
            ),
        )

    def give_plan(self, plan: Mapping[str, Any]) -> None:
        """Write what is done to what the chart renders, and the plugin by which helm does it."""
        place = self.folder / "plugins" / POST_RENDERER
        place.mkdir(parents=True, exist_ok=True)
        private(place / "plan.json", json.dumps(plan))
        arguments = ["-I", post_renderer.__file__, str(place / "plan.json"), str(self.folder / "refused")]
        about = {
            "apiVersion": "v1",
            "name": POST_RENDERER,
            "version": "1.0.0",
            "type": "postrenderer/v1",
            "runtime": "subprocess",
            "runtimeConfig": {"platformCommand": [{"command": sys.executable, "args": arguments}]},
        }
        private(place / "plugin.yaml", json.dumps(about))

    async def call(
        self, arguments: Sequence[str], within: float, *, reaches_out: bool = False, most: int = MOST
    ) -> str:
        """Run helm; what it writes on its output, as far as it is read.

        Args:
            within: seconds for all of it.
            reaches_out: it is to fetch something from elsewhere, and is given the proxies that we have.
            most: bytes of its output, of which the end is kept.

        Raises:
            InvalidError: it failed; the message is helm's.
            TransientError: it took longer than `within` seconds, or does not reach the cluster.
            TerminalError: the program is not there.
        """
        (self.folder / "refused").unlink(missing_ok=True)
        try:
            process = await asyncio.create_subprocess_exec(
                self.program,
                *arguments,
                env=self._environment(PROXIES if reaches_out else ()),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise TerminalError(f"the program {self.program!r} is not there: install Helm 4") from error
        try:
            async with asyncio.timeout(within):
                out, said = await asyncio.gather(_read(process.stdout, most), _read(process.stderr, MOST))
                await process.wait()
        except TimeoutError as error:
            raise TransientError(f"helm {arguments[0]} took longer than {within:g} s and was ended") from error
        finally:
            await _end(process)
        if process.returncode:
            raise InvalidError(self._reason(said))
        return out

    def _environment(self, also: Sequence[str]) -> dict[str, str]:
        here = str(self.folder)
        own = {
            "HOME": here,
            "HELM_CACHE_HOME": f"{here}/cache",
            "HELM_CONFIG_HOME": f"{here}/config",
            "HELM_DATA_HOME": f"{here}/data",
            "HELM_PLUGINS": f"{here}/plugins",
            "HELM_NO_PLUGINS": "1",
            "HELM_DRIVER": "secret",
            "KUBECONFIG": f"{here}/kubeconfig",
            "TMPDIR": here,
        }
        return {name: os.environ[name] for name in (*PASSED_ON, *also) if name in os.environ} | own

    def _reason(self, said: str) -> str:
        """What helm says went wrong, in a line or a few, without where it looked for it."""
        refused = self.folder / "refused"
        if refused.exists():
            return cleaned(refused.read_text())
        lines = [line for line in said.splitlines() if line.strip() and not _NOISE.match(line)]
        begin = max((at for at, line in enumerate(lines) if line.startswith("Error:")), default=0)
        text = " ".join(lines[begin:]).removeprefix("Error: ")
        text = re.sub(r"http://127\.0\.0\.1:\d+/[\w-]+", "the API server", text)
        return cleaned(text.replace(f"{self.folder}/", ""))[-LONGEST:] or "helm failed and said nothing"


@dataclass(frozen=True, slots=True)
class Helm:
    """The helm program of this installation.

    Attributes:
        home: where indexes and charts are kept.
        kustomize: the program for `spec.postRenderers`.
    """

    home: Path
    program: str = "helm"
    kustomize: str = "kustomize"

    def there(self) -> None:
        """Go no further where the program is not there: that is no failure of a release, and uses up none of its tries.

        Raises:
            TerminalError: it is not there.
        """
        if shutil.which(self.program) is None:
            raise TerminalError(f"the program {self.program!r} is not there: install Helm 4 where the worker runs")

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Run]:
        """A place for runs of the program, which is gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="sluice-helm-", ignore_cleanup_errors=True) as folder:
            yield Run(Path(folder), self.program)


async def _read(stream: asyncio.StreamReader | None, most: int) -> str:
    """The end of a stream, all of which is read so that the program does not wait for us."""
    kept = bytearray()
    while stream is not None and (chunk := await stream.read(65536)):
        kept += chunk
        del kept[:-most]
    return kept.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and what it has started: politely first, for then it notes that its act failed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def private(place: Path, text: str) -> None:
    """Write a file that only this user can read."""
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
