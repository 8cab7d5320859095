"""The OpenID Connect providers of a Receiver: what each must have before its door is opened."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sluice.errors import InvalidError
from sluice.expressions import refuse_over
from sluice.manifests.flux.receiver import OidcProvider

SEEN = ("claims", "vars")
"""What the expressions of a provider see."""
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ExpressionError(InvalidError):
    """An expression is no CEL over these variables."""


def refuse_providers(providers: Sequence[OidcProvider]) -> None:
    """Go no further where one of them cannot be used.

    Raises:
        ExpressionError: by one of its expressions.
        InvalidError: by another of its fields.
    """
    known: set[str] = set()
    for at, one in enumerate(providers):
        field = f"spec.oidcProviders[{at}]"
        if not _ADDRESS.fullmatch(one.issuer_url):
            raise InvalidError(
                f"{field}.issuerURL {one.issuer_url!r} is no address: it begins with https:// or http://"
            )
        if one.issuer_url in known:
            raise InvalidError(f"{field}.issuerURL {one.issuer_url} is there twice: put the validations together")
        known.add(one.issuer_url)
        if not one.validations:
            raise InvalidError(
                f"{field}.validations is empty: anybody who can get a token of this issuer could call; say whose it has "
                "to be, for example by claims.repository_owner"
            )
        _refuse_expressions(one, field)


def _refuse_expressions(one: OidcProvider, field: str) -> None:
    for at, variable in enumerate(one.variables):
        if not _NAME.fullmatch(variable.name):
            raise InvalidError(f"{field}.variables[{at}].name {variable.name!r} is no name in CEL")
        _refuse(variable.expression, f"{field}.variables[{at}].expression")
    for at, validation in enumerate(one.validations):
        if not validation.message:
            raise InvalidError(f"{field}.validations[{at}].message is empty: say what is answered where it is not true")
        _refuse(validation.expression, f"{field}.validations[{at}].expression")


def _refuse(expression: str, field: str) -> None:
    if not expression:
        raise InvalidError(f"{field} is empty")
    try:
        refuse_over(expression, SEEN)
    except InvalidError as error:
        raise ExpressionError(f"{field}: {error}") from error
