"""TLS with certificates of one's own, as Secrets have them: whom to trust, and who we are."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

import httpx

from sluice.errors import InvalidError


def context_of(where: str, authority: str, certificate: str, key: str, *, alone: bool = False) -> ssl.SSLContext:
    """How a server is trusted, and what it is shown.

    Args:
        where: the field or Secret that has the certificates, for the message.
        authority: certificates (PEM) of those who may vouch for the server.
        certificate: our own (PEM); empty for none.
        key: of that certificate.
        alone: whether that authority is trusted in the place of those that everybody trusts, and not besides them.

    Raises:
        InvalidError: one of them is no certificate, or the key is not the certificate's.
    """
    try:
        if alone:
            context = ssl.create_default_context(cadata=authority or None)
        else:
            context = httpx.create_ssl_context()
            if authority:
                context.load_verify_locations(cadata=authority)
        if certificate:
            # OpenSSL reads a client's certificate from files only; they are gone when it has.
            with tempfile.TemporaryDirectory() as folder:
                pair = Path(folder) / "pair.pem"
                pair.touch(mode=0o600)
                pair.write_text(f"{key}\n{certificate}")
                context.load_cert_chain(pair)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidError(f"{where}: its certificates cannot be used ({type(error).__name__})") from None
    return context
