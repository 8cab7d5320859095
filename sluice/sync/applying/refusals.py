"""What the API server's refusal of an object means, and what of it may be shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
_FIXED = re.compile(
    r"immutable|updates to .* (?:are )?forbidden|forbidden: updates to|may not (?:be )?change|cannot change", re.I
)
_PASSING = re.compile(r"is being terminated|exceeded quota|failed calling webhook|no endpoints available", re.I)
_DENIED = re.compile(
    r"admission webhook.* denied|denied request|exceeded quota|is being terminated|violates PodSecurity", re.I
)
_QUOTED = re.compile(r'Value:[^}\n]*|"(?:[^"\\\n]|\\.)*"')
MASK, SHORTEST = "***", 3


def fixed_field(message: str) -> bool:
    """Whether a field was to be changed that cannot be: only a new object can have it."""
    return bool(_FIXED.search(message))


def passing(message: str) -> bool:
    """Whether a refusal will be over by itself: a namespace that goes, a quota that others use, a webhook that starts."""
    return bool(_PASSING.search(message))


def about_rights(message: str) -> bool:
    """Whether a 403 is for want of rights: policies, quotas and namespaces that go answer 403 as well."""
    return not _DENIED.search(message)


def masked(manifest: Object, message: str) -> str:
    """A message about an object, without what is secret in it: errors of types quote the value that they do not like."""
    if manifest.get("kind") != "Secret":
        return message
    for value in sorted(set(_values(manifest)), key=len, reverse=True):
        if len(value) >= SHORTEST:
            message = message.replace(value, MASK)
    head, colon, rest = message.partition(" answered ")
    return head + colon + _QUOTED.sub(MASK, rest) if colon else _QUOTED.sub(MASK, message)


def _values(manifest: Object) -> Iterator[str]:
    for place in ("data", "stringData"):
        held = manifest.get(place)
        for value in held.values() if isinstance(held, dict) else [held]:
            text = str(value)
            yield from (text, *text.split("\n"))
            try:
                plain = base64.b64decode(text, validate=True).decode()
            except (binascii.Error, ValueError):
                continue
            yield from (plain, *plain.split("\n"))
