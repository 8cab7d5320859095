"""Who this process is to AWS: keys of the environment, a role by web identity (IRSA), a pod's identity, or the node's role.

In the order of AWS's own libraries, at the addresses that they use, which the environment may change by the same variables.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from blocks.registries.logins.base import Caller, fields, text_of
from sluice.sigv4 import Keys

SESSION = "sluice"
METADATA = "http://169.254.169.254"
ROLES = "/latest/meta-data/iam/security-credentials/"
TOKEN_HOSTS = ("169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "127.0.0.1", "[::1]")
"""Where a pod's identity may be asked for by http, as AWS documents it."""


async def keys_of(environment: Mapping[str, str], region: str, caller: Caller) -> Keys:
    """The keys of this process.

    Args:
        environment: of the process.
        region: where a role is assumed, unless the environment says another.
        caller: asks AWS.

    Raises:
        TransientError: AWS does not answer.
        TerminalError: it gives none.
    """
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return _keys(environment, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), caller)
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return await _assumed(environment, region, caller)
    if environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        return await _of_the_pod(environment, caller)
    return await _of_the_node(environment, caller)


async def _assumed(environment: Mapping[str, str], region: str, caller: Caller) -> Keys:
    home = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or region
    domain = "amazonaws.com.cn" if home.startswith("cn-") else "amazonaws.com"
    url = environment.get("AWS_ENDPOINT_URL_STS") or f"https://sts.{home}.{domain}"
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": environment["AWS_ROLE_ARN"],
        "RoleSessionName": environment.get("AWS_ROLE_SESSION_NAME") or SESSION,
        "WebIdentityToken": text_of(environment["AWS_WEB_IDENTITY_TOKEN_FILE"], "AWS_WEB_IDENTITY_TOKEN_FILE", caller),
    }
    answer = await caller.ask("POST", f"{url.rstrip('/')}/", {}, data=form)
    found = keys_in(answer.text)
    if found is None:
        raise caller.missing("AWS gave no keys for this process")
    return found


def keys_in(text: str) -> Keys | None:
    """The temporary keys in the answer of a Security Token Service; None where there are none."""
    found = {
        name: html.unescape(value)
        for name, value in re.findall(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)</\1>", text)
    }
    if not found.get("AccessKeyId") or not found.get("SecretAccessKey"):
        return None
    session = SecretStr(found.get("SessionToken", ""))
    return Keys(found["AccessKeyId"], SecretStr(found["SecretAccessKey"]), session)


async def _of_the_pod(environment: Mapping[str, str], caller: Caller) -> Keys:
    url = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    host = urlsplit(url).netloc.rpartition("@")[2].removesuffix(f":{urlsplit(url).port}")
    if urlsplit(url).scheme != "https" and host not in TOKEN_HOSTS:
        raise caller.missing(f"AWS_CONTAINER_CREDENTIALS_FULL_URI is at {host}, which is asked by https only")
    token = environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    if environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
        token = text_of(environment[name], name, caller)
    answer = await caller.ask("GET", url, {"Authorization": token} if token else {}, near=True)
    return _keys(fields(answer, caller), ("AccessKeyId", "SecretAccessKey", "Token"), caller)


async def _of_the_node(environment: Mapping[str, str], caller: Caller) -> Keys:
    base = (environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or METADATA).rstrip("/")
    asked = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = (await caller.ask("PUT", f"{base}/latest/api/token", asked, near=True)).text.strip()
    shown = {"X-aws-ec2-metadata-token": token}
    role = (await caller.ask("GET", f"{base}{ROLES}", shown, near=True)).text.strip().partition("\n")[0]
    if not re.fullmatch(r"[\w+=,.@-]+", role):
        raise caller.missing("the node has no role; give it one, or this pod an identity (IRSA, EKS Pod Identity)")
    answer = await caller.ask("GET", f"{base}{ROLES}{role}", shown, near=True)
    return _keys(fields(answer, caller), ("AccessKeyId", "SecretAccessKey", "Token"), caller)


def _keys(found: Mapping[str, object], names: tuple[str, str, str], caller: Caller) -> Keys:
    access, secret, session = (found.get(name) or "" for name in names)
    if not (isinstance(access, str) and isinstance(secret, str) and isinstance(session, str) and access and secret):
        raise caller.missing("AWS gave no keys for this process")
    return Keys(access, SecretStr(secret), SecretStr(session))
