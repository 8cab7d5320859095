"""The languages, by name. A new one is a file or folder here and a row."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sluice.flags.languages.base import Language
from sluice.flags.languages.go import GO
from sluice.flags.languages.java import JAVA
from sluice.flags.languages.python import Python
from sluice.flags.languages.typescript import TYPESCRIPT

LANGUAGES: Mapping[str, Language] = MappingProxyType({one.name: one for one in (Python(), GO, TYPESCRIPT, JAVA)})


def of_path(path: str) -> Language | None:
    """The language that a file is written in, by the end of its name."""
    return next((one for one in LANGUAGES.values() if path.endswith(one.suffixes)), None)
