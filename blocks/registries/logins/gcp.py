"""Google Artifact Registry and Container Registry: the access token of the service account that this process runs as.

It comes from the metadata server of the node, which on GKE with Workload Identity gives that of the pod's own account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import SecretStr

from blocks.registries.logins.base import Caller, Given, fields
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError
from sluice.images.reference import Repository

_HOST = re.compile(r"(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev")
USER = "oauth2accesstoken"
TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path


class Gcp:
    """The metadata server at `GCE_METADATA_HOST`, as Google's own libraries find it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._host = environment.get("GCE_METADATA_HOST") or "metadata.google.internal"

    def scope(self, where: Repository) -> str:
        """One token is for all of Google's registries."""
        if not _HOST.fullmatch(where.registry):
            raise InvalidError(f"spec.provider gcp: {where} is neither at gcr.io nor at a host -docker.pkg.dev")
        return "gcp"

    async def login(self, where: Repository, caller: Caller) -> Given:
        """The account's access token as the password of the user that Google documents for it."""
        url = f"http://{self._host}{TOKEN}"
        body = fields(await caller.ask("GET", url, {"Metadata-Flavor": "Google"}, near=True), caller)
        token, seconds = body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str) or not token:
            raise caller.missing(
                "the metadata server gave no access_token: which service account does this pod run as?"
            )
        login = RegistryCredentials(username=USER, password=SecretStr(token))
        return Given(login, float(seconds) if isinstance(seconds, int | float) else 60.0)
