"""Azure Container Registry: an Entra ID token of this process's identity, exchanged for a refresh token of the registry.

The identity is the workload identity that the webhook puts into the pod's environment, else the node's managed identity. The
exchange is that of ACR's documentation ("AAD-OAuth"): `POST /oauth2/exchange`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretStr

from blocks.registries.logins.base import Caller, Given, fields, text_of
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError
from sluice.images.reference import Repository

MANAGEMENT = {
    "azurecr.io": "https://management.azure.com/",
    "azurecr.cn": "https://management.chinacloudapi.cn/",
    "azurecr.us": "https://management.usgovcloudapi.net/",
}
"""What an identity's token has to be for, by the domain of the registry."""
_HOST = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9-]+)?\.(azurecr\.(?:io|cn|us))")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GOOD_FOR = 3 * 3600.0
"""Seconds of a refresh token, as ACR documents it."""


class Azure:
    """Entra ID and the instance's metadata service, where Azure's own libraries find them.

    Attributes:
        exchange: where a registry exchanges tokens; for a registry of another address.
    """

    exchange = "https://{registry}/oauth2/exchange"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._client = environment.get("AZURE_CLIENT_ID", "")
        self._tenant = environment.get("AZURE_TENANT_ID", "")
        self._file = environment.get("AZURE_FEDERATED_TOKEN_FILE", "")
        self._authority = environment.get("AZURE_AUTHORITY_HOST") or "https://login.microsoftonline.com/"
        self._metadata = environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or "http://169.254.169.254"

    def scope(self, where: Repository) -> str:
        """A refresh token is for one registry."""
        if not _HOST.fullmatch(where.registry):
            raise InvalidError(f"spec.provider azure: {where} is not at a host of azurecr.io, azurecr.cn or azurecr.us")
        return f"azure/{where.registry}"

    async def login(self, where: Repository, caller: Caller) -> Given:
        """The registry's refresh token, which the registry's own challenge says where to use."""
        found = _HOST.fullmatch(where.registry)
        resource = MANAGEMENT[found[1] if found else "azurecr.io"]
        token = await self.token(resource, caller)
        form = {"grant_type": "access_token", "service": where.registry, "access_token": token}
        answer = await caller.ask("POST", self.exchange.format(registry=where.registry), {}, data=form)
        refresh = fields(answer, caller).get("refresh_token")
        if not isinstance(refresh, str) or not refresh:
            raise caller.missing(f"{where.registry} exchanged the identity's token for no refresh_token")
        return Given(RegistryCredentials(identity_token=SecretStr(refresh)), GOOD_FOR)

    async def token(self, resource: str, caller: Caller) -> str:
        """Entra ID's token for a resource.

        Raises:
            TransientError: Azure does not answer.
            TerminalError: it refuses, or this process is nobody there.
        """
        return await (self._by_workload(resource, caller) if self._file else self._by_machine(resource, caller))

    async def _by_workload(self, resource: str, caller: Caller) -> str:
        assertion = text_of(self._file, "AZURE_FEDERATED_TOKEN_FILE", caller)
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "scope": f"{resource.rstrip('/')}/.default",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
        }
        url = f"{self._authority.rstrip('/')}/{self._tenant}/oauth2/v2.0/token"
        return self._token(fields(await caller.ask("POST", url, {}, data=form), caller), caller)

    async def _by_machine(self, resource: str, caller: Caller) -> str:
        asked = {"api-version": "2018-02-01", "resource": resource}
        asked |= {"client_id": self._client} if self._client else {}
        url = f"{self._metadata}/metadata/identity/oauth2/token"
        answer = await caller.ask("GET", url, {"Metadata": "true"}, near=True, params=asked)
        return self._token(fields(answer, caller), caller)

    @staticmethod
    def _token(body: Mapping[str, object], caller: Caller) -> str:
        token = body.get("access_token")
        if not isinstance(token, str) or not token:
            raise caller.missing("Entra ID gave no access_token: which identity does this pod run as?")
        return token
