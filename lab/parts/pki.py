"""The lab's certificate authority: every part proves who it is, as on a real cluster.

Certificates rather than tokens and skipped checks, because clients that are tried against the lab should meet what
they will meet outside. All of it is made anew at each `up` and lives for a month.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=30)


class Authority:
    """Signs the certificates of one lab and writes them, with their keys, into one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject("sluice-lab", "")
        everyone = x509.BasicConstraints(ca=True, path_length=0)
        built = self._begin(self._name, self._key.public_key()).add_extension(everyone, critical=True)
        self._certificate = built.sign(self._key, hashes.SHA256())
        self.file = folder / "ca.crt"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def client(self, file: str, user: str, group: str = "") -> tuple[Path, Path]:
        """A client certificate for `user`, in `group`; returns (certificate, key)."""
        return self._issue(file, _subject(user, group), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def server(self, file: str, names: list[str]) -> tuple[Path, Path]:
        """A server certificate for these host names and addresses; returns (certificate, key)."""
        return self._issue(file, _subject(names[0], ""), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def signing_key(self, file: str) -> Path:
        """A bare key pair, with which service account tokens are signed."""
        return _write_key(self.folder / f"{file}.key", ec.generate_private_key(ec.SECP256R1()))

    def _issue(
        self, file: str, subject: x509.Name, usage: x509.ObjectIdentifier, names: list[str]
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        built = self._begin(subject, key.public_key()).add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names:
            built = built.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
        certificate = self.folder / f"{file}.crt"
        signed = built.sign(self._key, hashes.SHA256())
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return certificate, _write_key(self.folder / f"{file}.key", key)

    def _begin(self, subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + LIFETIME)
        )


def _subject(name: str, group: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(attributes)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return file
