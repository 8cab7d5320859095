"""Amazon ECR: `GetAuthorizationToken`, signed by who this process is to AWS.

The token is the password of user `AWS`, for twelve hours and all repositories of the account in that region; for the public
gallery it comes from the one region that has it.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from blocks.registries.logins.aws_identity import keys_of
from blocks.registries.logins.base import Caller, Given, fields
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError
from sluice.images.reference import Repository
from sluice.sigv4 import signed

_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?P<domain>amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)"
)
PUBLIC = "public.ecr.aws"
PUBLIC_REGION = "us-east-1"
TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
PUBLIC_TARGET = "SpencerFrontendService.GetAuthorizationToken"
DUAL_STACK = {"on.aws": "api.aws", "on.amazonwebservices.com.cn": "api.amazonwebservices.com.cn"}


class Aws:
    """ECR, private and public."""

    def __init__(self, environment: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self._environment = environment
        self._clock = clock

    def scope(self, where: Repository) -> str:
        """A token is for one account in one region."""
        if where.registry != PUBLIC and not _HOST.fullmatch(where.registry):
            raise InvalidError(f"spec.provider aws: {where} is not at ACCOUNT.dkr.ecr.REGION.amazonaws.com or {PUBLIC}")
        return f"aws/{where.registry}"

    async def login(self, where: Repository, caller: Caller) -> Given:
        """User and password of ECR's token."""
        found = _HOST.fullmatch(where.registry)
        region = found["region"] if found else PUBLIC_REGION
        service, target = ("ecr", TARGET) if found else ("ecr-public", PUBLIC_TARGET)
        url = self._address(found)
        keys = await keys_of(self._environment, region, caller)
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        now, body = datetime.fromtimestamp(self._clock(), UTC), json.dumps({}).encode()
        proven = signed(keys, "POST", url, headers, body, region=region, service=service, now=now)
        answer = fields(await caller.ask("POST", url, proven, content=body), caller)
        return self._given(answer.get("authorizationData"), caller)

    def _address(self, found: re.Match[str] | None) -> str:
        if found is None:
            own = self._environment.get("AWS_ENDPOINT_URL_ECR_PUBLIC")
            return own or f"https://api.ecr-public.{PUBLIC_REGION}.amazonaws.com/"
        if own := self._environment.get("AWS_ENDPOINT_URL_ECR"):
            return own
        region, domain = found["region"], found["domain"]
        if domain in DUAL_STACK:
            return f"https://ecr{found['fips'] or ''}.{region}.{DUAL_STACK[domain]}/"
        return f"https://{'ecr-fips' if found['fips'] else 'api.ecr'}.{region}.{domain}/"

    def _given(self, data: Any, caller: Caller) -> Given:
        one = data[0] if isinstance(data, list) and data else data
        try:
            user, _, password = base64.b64decode(one["authorizationToken"], validate=True).decode().partition(":")
            ends = float(one["expiresAt"])
        except (TypeError, KeyError, ValueError):
            raise caller.missing("ECR gave no authorization token") from None
        login = RegistryCredentials(username=user, password=SecretStr(password))
        return Given(login, ends - self._clock())
