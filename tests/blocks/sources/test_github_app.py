"""Logging in to git as a GitHub App, against a stand-in that checks the app's signature as GitHub documents it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from blocks.sources.git import remote_of
from blocks.sources.git_github_app import github_app
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.flux.git_repository import GitRepository
from tests.memory_cluster import MemoryCluster

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()


class GitHub:
    """The three calls of an app, on loopback. Attributes: `status` instead of an answer; `seen`, the paths that came."""

    def __init__(self) -> None:
        self.status, self.expires = 0, datetime(2100, 1, 1, tzinfo=UTC)
        self.seen: list[str] = []
        sut = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

            def do_GET(self) -> None:
                sut.seen.append(self.path)
                status, body = sut.answer(self.path, self.headers.get("Authorization", ""))
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_GET  # noqa: N815 - the base class's name

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/api/v3"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str, login: str) -> tuple[int, dict[str, Any]]:
        if self.status:
            return self.status, {}
        try:
            claims = jwt.decode(login.removeprefix("Bearer "), KEY.public_key(), algorithms=["RS256"])
        except jwt.PyJWTError:
            return 401, {}
        if claims["iss"] != "7" or claims["exp"] - claims["iat"] > 660:
            return 401, {}
        if path == "/api/v3/users/ann/installation":
            return 200, {"id": 42}
        if path == "/api/v3/app/installations/42/access_tokens":
            return 201, {
                "token": f"ghs_{len(self.seen)}",
                "expires_at": self.expires.isoformat().replace("+00:00", "Z"),
            }
        return 404, {}

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def hub() -> Iterator[GitHub]:
    made = GitHub()
    yield made
    made.close()


def secret(hub: GitHub, **data: str) -> dict[str, Any]:
    base = {"githubAppID": "7", "githubAppPrivateKey": PEM, "githubAppBaseURL": hub.url}
    coded = {key: base64.b64encode(value.encode()).decode() for key, value in (base | data).items() if value}
    return {"kind": "Secret", "metadata": {"name": "app", "namespace": "team"}, "data": coded}


async def test_an_app_gets_a_token_that_is_kept_while_it_is_good(hub: GitHub) -> None:
    """By the number of its installation or by its owner; a token that ends soon is not used any more."""
    one = await github_app(secret(hub, githubAppInstallationID="42"))
    assert (one.username, one.password.get_secret_value()) == ("x-access-token", "ghs_1")
    assert await github_app(secret(hub, githubAppInstallationID="42")) == one
    by_owner = await github_app(secret(hub, githubAppInstallationOwner="ann"))
    assert by_owner.password.get_secret_value().startswith("ghs_")
    assert hub.seen[1:] == [
        "/api/v3/orgs/ann/installation",
        "/api/v3/users/ann/installation",
        "/api/v3/app/installations/42/access_tokens",
    ]
    hub.expires = datetime.now(UTC) + timedelta(seconds=100)
    other = secret(hub, githubAppInstallationID="42", githubAppID=" 7")
    assert await github_app(other) != await github_app(other)


async def test_what_is_wrong_is_named_and_no_key_is_shown(hub: GitHub) -> None:
    """A Secret of something else, a key that is none, an app that is refused or not installed, GitHub in trouble."""
    with pytest.raises(InvalidError, match="githubAppInstallationID or githubAppInstallationOwner"):
        await github_app(secret(hub))
    with pytest.raises(InvalidError, match="no RSA key") as caught:
        await github_app(secret(hub, githubAppInstallationID="42", githubAppPrivateKey="hidden-key"))
    assert "hidden-key" not in str(caught.value)
    with pytest.raises(TerminalError, match="401"):
        await github_app(secret(hub, githubAppInstallationID="42", githubAppID="8"))
    with pytest.raises(NotFoundError, match="not installed for 'bob'"):
        await github_app(secret(hub, githubAppInstallationOwner="bob"))
    hub.status = 503
    with pytest.raises(TransientError, match="503"):
        await github_app(secret(hub, githubAppInstallationID="43"))


async def test_a_repository_is_reached_as_an_app_where_its_provider_says_so(hub: GitHub) -> None:
    """The Secret of an app with another provider is named, as in Flux; a provider without a Secret is refused."""
    cluster = MemoryCluster()
    cluster.add(secret(hub, githubAppInstallationID="42"))

    def source(**spec: Any) -> GitRepository:
        whole = {"url": "https://github.com/acme/fleet", **spec}
        return GitRepository.parse({"metadata": {"name": "fleet", "namespace": "team"}, "spec": whole})

    remote = await remote_of(cluster, source(provider="github", secretRef={"name": "app"}))  # type: ignore[arg-type]
    assert remote.credentials
    assert remote.credentials.username == "x-access-token"
    with pytest.raises(InvalidError, match=r"spec\.provider is not github"):
        await remote_of(cluster, source(secretRef={"name": "app"}))  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=r"spec\.secretRef"):
        await remote_of(cluster, source(provider="github"))  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=r"spec\.provider 'azure'"):
        await remote_of(cluster, source(provider="azure", secretRef={"name": "app"}))  # type: ignore[arg-type]
