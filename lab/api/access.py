"""Where an API server is and what proves who we are, from a kubeconfig."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from lab.errors import LabError


@dataclass(frozen=True)
class Access:
    """Address and proof. The files are empty where a kubeconfig has something else, as a cloud's cluster has."""

    server: str
    authority: str = ""
    certificate: str = ""
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    verify: bool = True

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """From a kubeconfig that names its certificates as files, as the lab's does."""
        document = yaml.safe_load(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        try:
            return cls(
                cluster["server"], cluster["certificate-authority"], user["client-certificate"], user["client-key"]
            )
        except KeyError as missing:
            raise LabError(f"{kubeconfig} has no {missing}: this needs the lab's own cluster") from missing

    @classmethod
    def of_context(cls, kubeconfig: Path, context: str | None) -> Self:
        """From one context of any kubeconfig: certificates inside it, tokens, programs that bring one."""
        # imported here: it takes a second, and the lab's own cluster never needs it
        from kubernetes import client, config  # noqa: PLC0415

        found: Any = client.Configuration()
        config.load_kube_config(str(kubeconfig), context=context, client_configuration=found)
        # the name by which the client looks it up, and the one that it had in earlier versions
        token = found.get_api_key_with_prefix("BearerToken", "authorization")
        return cls(
            found.host,
            found.ssl_ca_cert or "",
            found.cert_file or "",
            found.key_file or "",
            {"Authorization": token} if token else {},
            bool(found.verify_ssl),
        )

    def tls(self) -> ssl.SSLContext:
        """What a connection is checked with."""
        trust = ssl.create_default_context(cafile=self.authority or None)
        if not self.verify:
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            trust.load_cert_chain(self.certificate, self.key)
        return trust
