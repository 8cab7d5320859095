"""Logs in as a GitHub App: the key signs for minutes, GitHub gives a token for an hour.

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
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.recent import Recent

API = "https://api.github.com"
_WITHIN, _MOST = 20.0, 1 << 20
_SPARE = 300.0
"""Seconds that a token must still be good for."""
_tokens: Recent[str, tuple[SecretStr, float]] = Recent(500)


def is_of_app(login: Mapping[str, str]) -> bool:
    """Whether a Secret, or settings in its place, are of a GitHub App."""
    return bool(login.get("githubAppID"))


async def installation_token(
    login: Mapping[str, str], whence: str, clock: Callable[[], float] = time.time
) -> SecretStr:
    """A token of a GitHub App's installation that is good for some minutes at least.

    Args:
        login: by Flux's names.
        whence: they are, for people.

    Raises:
        InvalidError: it is not what an app logs in by.
        NotFoundError: the app is not installed there.
        TerminalError: GitHub refuses it.
        TransientError: GitHub does not answer.
    """
    wanted = login.get("githubAppInstallationID", ""), login.get("githubAppInstallationOwner", "")
    if not login.get("githubAppID") or not login.get("githubAppPrivateKey") or not any(wanted):
        raise InvalidError(
            f"{whence} is of no GitHub App: it needs githubAppID, githubAppPrivateKey, and "
            "githubAppInstallationID or githubAppInstallationOwner"
        )
    base = login.get("githubAppBaseURL", API).strip().rstrip("/")
    parts = (base, login["githubAppID"], *wanted, login["githubAppPrivateKey"])
    known = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    token, until = _tokens.get(known, (SecretStr(""), 0.0))
    if clock() > until - _SPARE:
        proof = _proof(login["githubAppID"], login["githubAppPrivateKey"], clock(), whence)
        async with httpx.AsyncClient(base_url=base, headers=_headers(proof), timeout=_WITHIN) as http:
            number = wanted[0] or await _installation(http, wanted[1])
            answer = await _answered(http, "POST", f"/app/installations/{number}/access_tokens")
        try:
            token, until = SecretStr(answer["token"]), datetime.fromisoformat(answer["expires_at"]).timestamp()
        except (KeyError, ValueError, TypeError):
            raise TerminalError(f"{base} gave no token for a GitHub App that can be used") from None
        _tokens[known] = (token, until)
    return token


def forget(token: SecretStr) -> None:
    """Ask for another one next time: GitHub takes this one no more, for the app was suspended or its key changed."""
    for known in [key for key, (one, _) in _tokens.items() if one == token]:
        del _tokens[known]


def _proof(app: str, key: str, now: float, whence: str) -> str:
    """What the app says of itself; a minute back, as GitHub advises for clocks that differ."""
    claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": app.strip()}
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise InvalidError(f"{whence}: its githubAppPrivateKey is no RSA key (PEM)") from None


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
