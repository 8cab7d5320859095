"""Logs in to git as a GitHub App (`spec.provider: github`): the key signs for minutes, GitHub gives a token for an hour.

The names in the Secret are Flux's: `githubAppID`, `githubAppPrivateKey`, `githubAppInstallationID` or
`githubAppInstallationOwner`, and `githubAppBaseURL` for an Enterprise Server. The exchange is the one that GitHub documents
("Authenticating as a GitHub App installation").
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx
import jwt
from pydantic import SecretStr

from blocks.bounded_http import asked
from blocks.waits import retry_after
from sluice.credentials import GitCredentials, name_of, texts
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.recent import Recent

API = "https://api.github.com"
USER = "x-access-token"
_WITHIN, _MOST = 20.0, 1 << 20
_SPARE = 300.0
"""Seconds that a token must still be good for."""
_tokens: Recent[str, tuple[SecretStr, float]] = Recent(500)


async def github_app(secret: Mapping[str, Any], clock: Callable[[], float] = time.time) -> GitCredentials:
    """The login of a GitHub App's installation.

    Raises:
        InvalidError: the Secret has not what an app logs in by.
        NotFoundError: the app is not installed there.
        TerminalError: GitHub refuses it.
        TransientError: GitHub does not answer.
    """
    data = texts(secret)
    wanted = data.get("githubAppInstallationID", ""), data.get("githubAppInstallationOwner", "")
    if not data.get("githubAppID") or not data.get("githubAppPrivateKey") or not any(wanted):
        raise InvalidError(
            f"{name_of(secret)} is of no GitHub App: it needs githubAppID, githubAppPrivateKey, and "
            "githubAppInstallationID or githubAppInstallationOwner"
        )
    base = data.get("githubAppBaseURL", API).strip().rstrip("/")
    parts = (base, data["githubAppID"], *wanted, data["githubAppPrivateKey"])
    known = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    token, until = _tokens.get(known, (SecretStr(""), 0.0))
    if clock() > until - _SPARE:
        proof = _proof(data["githubAppID"], data["githubAppPrivateKey"], clock(), secret)
        async with httpx.AsyncClient(base_url=base, headers=_headers(proof), timeout=_WITHIN) as http:
            number = wanted[0] or await _installation(http, wanted[1])
            answer = await _answered(http, "POST", f"/app/installations/{number}/access_tokens")
        try:
            token, until = SecretStr(answer["token"]), datetime.fromisoformat(answer["expires_at"]).timestamp()
        except (KeyError, ValueError, TypeError):
            raise TerminalError(f"{base} gave no token for a GitHub App that can be used") from None
        _tokens[known] = (token, until)
    return GitCredentials(username=USER, password=token)


def _proof(app: str, key: str, now: float, secret: Mapping[str, Any]) -> str:
    """What the app says of itself; a minute back, as GitHub advises for clocks that differ."""
    claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": app.strip()}
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise InvalidError(f"{name_of(secret)}: its githubAppPrivateKey is no RSA key (PEM)") from None


def _headers(proof: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {proof}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "sluice",
    }


async def _installation(http: httpx.AsyncClient, owner: str) -> str:
    for kind in ("orgs", "users"):
        try:
            return str((await _answered(http, "GET", f"/{kind}/{owner}/installation"))["id"])
        except NotFoundError:
            continue
    raise NotFoundError(f"the GitHub App is not installed for {owner!r} (githubAppInstallationOwner)")


async def _answered(http: httpx.AsyncClient, method: str, path: str) -> dict[str, Any]:
    try:
        answer = await asked(http, http.build_request(method, path), _MOST, _WITHIN)
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise TransientError(f"{http.base_url.host} does not answer a GitHub App: {type(error).__name__}") from None
    said = f"{http.base_url.host} answered {answer.status} for a GitHub App ({path})"
    if answer.status == 404:
        raise NotFoundError(said)
    if answer.status == 429 or answer.status >= 500:
        raise TransientError(said, retry_after=retry_after(answer.headers))
    if not answer.is_success:
        raise TerminalError(f"{said}: check githubAppID, githubAppPrivateKey and the installation")
    try:
        body = httpx.Response(200, content=answer.content).json()
    except ValueError:
        raise TerminalError(f"{http.base_url.host} does not speak as GitHub: no JSON") from None
    if not isinstance(body, dict):
        raise TerminalError(f"{http.base_url.host} does not speak as GitHub: no JSON object")
    return body
