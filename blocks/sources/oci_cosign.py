"""Whether an artifact in a registry was signed by somebody who is trusted, by the `cosign` program.

The program gets what it needs in a directory of its own, and nothing of this machine: its registry login in a docker config,
the keys in files. It verifies one digest, so that nothing else can take its place between the look and the pull.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import SECRET
from blocks.programs import ended
from sluice.credentials import RegistryCredentials, name_of, texts
from sluice.errors import InvalidError, TerminalError, TransientError, UnverifiedError
from sluice.images.reference import Repository
from sluice.manifests.flux.oci_repository import OciVerification, OidcIdentity

TRUSTED_ROOT = "trusted_root.json"
_MOST_SAID = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosign:
    """Whose signatures count.

    Attributes:
        keys: public keys (PEM); one of them is enough.
        identities: who may have signed without a key; one of them is enough.
        trusted_root: by whom those are certified (Sigstore's `trusted_root.json`); empty for the public Sigstore.
        timeout: seconds for one call.
        insecure: speak http to the registry.
        program: the `cosign` program.
    """

    keys: tuple[str, ...] = ()
    identities: tuple[OidcIdentity, ...] = ()
    trusted_root: str = ""
    timeout: float = 60.0
    insecure: bool = False
    program: str = "cosign"

    async def verify(self, repository: Repository, digest: str, credentials: RegistryCredentials | None) -> str:
        """Whose signature the artifact has.

        Raises:
            UnverifiedError: it has none of somebody who is trusted.
            TerminalError: the program is not there.
            TransientError: it took too long.
        """
        said = ""
        with tempfile.TemporaryDirectory(prefix="sluice-cosign-") as name:
            folder = Path(name)
            _login(folder, repository, credentials)
            for index, options in enumerate(self._tries(folder)):
                failure = await self._run(folder, [*options, f"{repository}@{digest}"])
                if failure is None:
                    by = f"key {index + 1} of {len(self.keys)}" if self.keys else f"identity {index + 1}"
                    return f"verified signature of revision {digest} by {by}"
                said = failure
        raise UnverifiedError(f"{repository}@{digest} has no signature of somebody who is trusted: {said}")

    def _tries(self, folder: Path) -> list[list[str]]:
        common = ["--output", "json"]
        if self.insecure:
            common += ["--allow-http-registry", "--allow-insecure-registry"]
        tries = []
        for index, key in enumerate(self.keys):
            file = folder / f"key-{index}.pub"
            file.write_text(key)
            # A key says who signed by itself; a transparency log is for signatures without one.
            tries.append([*common, "--key", str(file), "--insecure-ignore-tlog=true"])
        if self.trusted_root and self.identities:
            (folder / TRUSTED_ROOT).write_text(self.trusted_root)
            common += ["--trusted-root", str(folder / TRUSTED_ROOT)]
        for one in self.identities:
            who = ["--certificate-oidc-issuer-regexp", one.issuer, "--certificate-identity-regexp", one.subject]
            tries.append([*common, *who])
        return tries

    async def _run(self, folder: Path, options: list[str]) -> str | None:
        """What it says where it says no; None where it says yes."""
        passed = {
            key: os.environ[key]
            for key in ("SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY", "SIGSTORE_ROOT_FILE")
            if key in os.environ
        }
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "DOCKER_CONFIG": str(folder),
            **passed,
        }
        try:
            command = (self.program, "verify", *options)
            check = await ended(command, environment, self.timeout, folder=folder, errors=True)
        except FileNotFoundError as error:
            raise TerminalError(f"spec.verify: cannot start {self.program}: is cosign installed?") from error
        except TimeoutError as error:
            raise TransientError(f"cosign took longer than {self.timeout:g} s") from error
        return None if check.code == 0 else " ".join(check.said.decode(errors="replace").split())[-_MOST_SAID:]


async def cosign_for(
    cluster: Cluster, wanted: OciVerification, namespace: str, *, timeout: float, insecure: bool
) -> Cosign:
    """Whose signatures count for an artifact.

    Args:
        cluster: where the Secrets are.
        wanted: `spec.verify`.
        namespace: of the Secrets.
        timeout: seconds for one call.
        insecure: speak http to the registry.

    Raises:
        UnverifiedError: it names nobody: then nothing is trusted.
        InvalidError: it wants to be verified by what sluice does not have.
    """
    if wanted.provider != "cosign":
        raise InvalidError(f"spec.verify.provider {wanted.provider!r} is not supported yet; use cosign")
    keys: tuple[str, ...] = ()
    if wanted.secret_ref:
        secret = await cluster.get(SECRET, wanted.secret_ref.name, namespace)
        keys = tuple(text for name, text in sorted(texts(secret).items()) if name.endswith(".pub"))
        if not keys:
            raise UnverifiedError(f"{name_of(secret)} has no public keys: it needs *.pub")
    elif not wanted.match_oidc_identity:
        raise UnverifiedError("spec.verify names nobody: set secretRef, or matchOIDCIdentity for keyless signatures")
    identities = () if keys else wanted.match_oidc_identity
    return Cosign(
        keys=keys,
        identities=identities,
        trusted_root=await _trusted_root(cluster, wanted, namespace) if identities else "",
        timeout=timeout,
        insecure=insecure,
    )


async def _trusted_root(cluster: Cluster, wanted: OciVerification, namespace: str) -> str:
    """By whom keyless signatures are certified; empty for the public Sigstore."""
    if wanted.trusted_root_secret_ref is None:
        return ""
    secret = await cluster.get(SECRET, wanted.trusted_root_secret_ref.name, namespace)
    root = texts(secret).get(TRUSTED_ROOT, "")
    if not root:
        raise UnverifiedError(f"{name_of(secret)} has no {TRUSTED_ROOT}: spec.verify.trustedRootSecretRef needs it")
    return root


def _login(folder: Path, repository: Repository, credentials: RegistryCredentials | None) -> None:
    if credentials is None:
        return
    pair = f"{credentials.username}:{credentials.password.get_secret_value()}".encode()
    entry = {"auth": base64.b64encode(pair).decode()}
    if token := credentials.identity_token.get_secret_value():
        entry = {"identitytoken": token}  # what Azure gives in place of a password
    config = folder / "config.json"
    config.touch(mode=0o600)
    config.write_text(json.dumps({"auths": {repository.registry: entry}}))
