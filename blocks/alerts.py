"""Posts alerts: to the address of a Provider, with its Secret, proxy and certificates, in the form of its type."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from urllib.parse import quote, urlsplit

import httpx
import yaml
from pydantic import SecretStr

from blocks.bounded_http import posted
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.tls import context_of
from blocks.waits import retry_after
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.manifests.flux.notification.provider import Provider
from sluice.notices.alerts.base import Post, Request
from sluice.notices.alerts.generic import written
from sluice.notices.alerts.happened import Happened
from sluice.notices.alerts.table import form_of

MOST = 64 * 1024
"""Bytes of an answer that are read."""
LONGEST = 60.0


async def alerted(cluster: Cluster, provider: Provider, happened: Happened, metadata: dict[str, str]) -> None:
    """Post an event to a Provider.

    Raises:
        InvalidError: the Provider or its Secret lacks something; the message names the field.
        NotFoundError: a Secret that it names is not there.
        TransientError: the other side is away, or asks to wait.
        TerminalError: it refuses.
    """
    spec = provider.spec
    form = form_of(spec.type)
    secret = await _secret(cluster, provider, spec.secret_ref.name if spec.secret_ref else "")
    address = secret.get("address", "") or spec.address
    if urlsplit(address).scheme not in {"http", "https"}:
        raise InvalidError(f"{provider}: spec.address, or address in its Secret, has to be an http or https address")
    post = Post(
        happened=happened,
        metadata=metadata,
        address=SecretStr(address),
        token=SecretStr(secret.get("token", "")),
        channel=spec.channel,
        username=spec.username,
    )
    request = form.request(post)
    own = yaml.safe_load(secret["headers"]) if secret.get("headers") else {}
    if not isinstance(own, dict):
        raise InvalidError(f"{provider}: headers in its Secret have to be a mapping of names to values")
    text = await _sent(cluster, provider, request, {str(name): str(value) for name, value in own.items()})
    if why := form.refusal(text):
        raise TerminalError(f"{provider}: the other side refuses: {why}")


async def _sent(cluster: Cluster, provider: Provider, request: Request, own: Mapping[str, str]) -> str:
    headers = {"Content-Type": "application/json", **request.headers, **own}
    within = min(LONGEST, provider.spec.timeout)
    trust, proxy = await _trust(cluster, provider), await _proxy(cluster, provider)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            httpx.AsyncClient(verify=trust, proxy=proxy, trust_env=False, follow_redirects=False)
        )
        try:
            address = request.address.get_secret_value()
            answer = await posted(http, address, MOST, within, content=written(request.body), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The address has the secret in it for most types, and httpx quotes addresses.
            raise TransientError(f"{provider}: the other side does not answer ({type(error).__name__})") from None
    if answer.is_success:
        return answer.text
    said = f"{provider}: the other side answers {answer.status}"
    if answer.status in {408, 425, 429} or answer.status >= 500:
        raise TransientError(said, retry_after=retry_after(answer.headers))
    raise TerminalError(said)


async def _secret(cluster: Cluster, provider: Provider, name: str) -> dict[str, str]:
    if not name:
        return {}
    data = (await cluster.get(SECRET, name, provider.namespace)).get("data") or {}
    try:
        return {key: base64.b64decode(value).decode().strip() for key, value in data.items()}
    except ValueError as error:
        raise InvalidError(f"{provider}: Secret {name} has a value that is no text") from error


async def _trust(cluster: Cluster, provider: Provider) -> ssl.SSLContext | bool:
    if provider.spec.cert_secret_ref is None:
        return True
    given = await _secret(cluster, provider, provider.spec.cert_secret_ref.name)
    where = f"{provider}: Secret {provider.spec.cert_secret_ref.name} of spec.certSecretRef"
    authority, certificate, key = (given.get(name, "") for name in ("ca.crt", "tls.crt", "tls.key"))
    return context_of(where, authority, certificate if key else "", key, alone=True)


async def _proxy(cluster: Cluster, provider: Provider) -> str | None:
    if provider.spec.proxy_secret_ref is None:
        return provider.spec.proxy or None
    given = await _secret(cluster, provider, provider.spec.proxy_secret_ref.name)
    parts = urlsplit(given.get("address", ""))
    if parts.scheme not in {"http", "https"}:
        raise InvalidError(f"{provider}: address in the Secret of spec.proxySecretRef has to be an http address")
    if "username" not in given:
        return given["address"]
    login = f"{quote(given['username'], safe='')}:{quote(given.get('password', ''), safe='')}"
    return parts._replace(netloc=f"{login}@{parts.netloc}").geturl()
