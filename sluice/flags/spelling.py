"""How else a flag's key is written: SDKs and people make names of it that their languages take."""

from __future__ import annotations

import re

_PARTS = re.compile(r"(?:[A-Z]+(?![a-z])|[A-Z]?[a-z]+)\d*|\d+")


def camel(key: str) -> str:
    """The name that SDKs for the web give to a flag: `newCheckout` for `new-checkout`."""
    parts: list[str] = [part.lower() for part in _PARTS.findall(key)] or [key]
    first, *others = parts
    return first + "".join(part.capitalize() for part in others)


def spellings(key: str) -> tuple[str, ...]:
    """The key itself and, where it has several parts, those as `camelCase`, `PascalCase`, `snake_case`, `UPPER_CASE` and
    `kebab-case`: `const { newCheckout } = useFlags()` asks for `new-checkout`."""
    parts = [part.lower() for part in _PARTS.findall(key)]
    if len(parts) < 2:
        return (key,)
    pascal = "".join(part.capitalize() for part in parts)
    others = (camel(key), pascal, "_".join(parts), "_".join(parts).upper(), "-".join(parts))
    return tuple(dict.fromkeys((key, *others)))
