"""Client certificates that change while the process runs: an exec plugin's, or those of a kubeconfig that was rewritten."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Certificates:
    """Client certificates that change while the process runs."""

    api: Any
    _retired: Any = None
    _closing: set[Any] = field(default_factory=set)

    def use(self, certificate: str, key: str) -> None:
        """Make connections with this certificate from now on. Streams that are under way go on over their own.

        Raises:
            OSError: it cannot be read.
        """
        rest = self.api.rest_client
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"{key.strip()}\n{certificate.strip()}\n")
            file.flush()
            context: ssl.SSLContext = rest.ssl_context
            context.load_cert_chain(file.name)
        # What was retired a certificate ago has no stream left: those end after five minutes.
        retired, self._retired = self._retired, rest.pool_manager
        rest.pool_manager = None
        if retired is not None:
            closing = asyncio.ensure_future(retired.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def of(self, configuration: Any, *, use: bool = False) -> tuple[str, str]:
        """The Authorization header of a configuration, and a mark of its client certificate; `use` it from now on."""
        header, mark = str(configuration.api_key.get("BearerToken") or ""), ""
        if configuration.cert_file and configuration.key_file:
            certificate, key = Path(configuration.cert_file).read_text(), Path(configuration.key_file).read_text()
            mark = hashlib.sha256(f"{certificate}{key}".encode()).hexdigest()
            if use:
                self.use(certificate, key)
        return header, mark
