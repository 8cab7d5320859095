"""All functions of sprig that there are here, by name. What makes keys, or depends on a clock or on chance, is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.templates.sprig.encodings import ENCODINGS
from sluice.templates.sprig.lists import LISTS
from sluice.templates.sprig.numbers import NUMBERS
from sluice.templates.sprig.texts import TEXTS

SPRIG: Mapping[str, Callable[..., Any]] = {**TEXTS, **LISTS, **NUMBERS, **ENCODINGS}
