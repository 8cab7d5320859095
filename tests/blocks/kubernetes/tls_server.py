"""An API server for tests of who may come in: TLS with an authority of its own, tokens and client certificates."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMESPACE_LIST = {"kind": "NamespaceList", "items": [], "metadata": {"resourceVersion": "7"}}


class Authority:
    """A certificate authority."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._signed("authority", self._key.public_key(), x509.BasicConstraints(True, 0))

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str) -> tuple[str, str]:
        """A certificate for 127.0.0.1 and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(name, key.public_key(), x509.BasicConstraints(False, None))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        private = key.private_bytes(serialization.Encoding.PEM, *form).decode()
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private

    def _signed(self, name: str, key: Any, basic: x509.BasicConstraints) -> x509.Certificate:
        now, issuer = datetime.now(UTC), self._key.public_key()
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(basic, critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        )
        return made.sign(self._key, hashes.SHA256())


@dataclass
class TlsServer:
    """Lets in whose token or certificate's name is accepted; answers lists and watches of namespaces.

    Attributes:
        accepted: tokens, and names of client certificates.
        shown: what each request showed, in order.
        events: what watches get; they end after it.
    """

    folder: Path
    authority: Authority = field(default_factory=Authority)
    accepted: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        certificate, key = self.authority.issue("server")
        pem = self.folder / "server.pem"
        pem.write_text(key + certificate)
        self.ca.write_text(self.authority.pem)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.ca))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(pem)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def kubeconfig(self, user: dict[str, Any], name: str = "ann") -> dict[str, Any]:
        """A kubeconfig whose current context is this server, with this user."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "this", "user": name}}],
            "clusters": [{"name": "this", "cluster": {"server": self.url, "certificate-authority": "ca.crt"}}],
            "users": [{"name": name, "user": user}],
        }

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        assert request.transport is not None
        peer = request.transport.get_extra_info("peercert") or {}
        names = [value for part in peer.get("subject", ()) for kind, value in part if kind == "commonName"]
        header = request.headers.get("Authorization", "")
        shown = header.removeprefix("Bearer ") or next(iter(names), "")
        self.shown.append(shown)
        if shown not in self.accepted:
            return web.json_response({"kind": "Status", "message": "Unauthorized", "code": 401}, status=401)
        if "watch" not in request.query:
            return web.json_response(NAMESPACE_LIST)
        response = web.StreamResponse()
        await response.prepare(request)
        for event in self.events:
            await response.write(event + b"\n")
            await asyncio.sleep(0)
        return response
