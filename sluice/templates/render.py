"""Renders a Go template with the functions that Flux gives its users."""

from __future__ import annotations

from typing import Any

from sluice.templates.builtins import BUILTINS
from sluice.templates.execute import Rendering
from sluice.templates.parser import parse
from sluice.templates.sprig.table import SPRIG

FUNCTIONS = {**BUILTINS, **SPRIG}
"""By name; `and` and `or` are the engine's."""
_NAMES = frozenset({*FUNCTIONS, "and", "or"})


def render(template: str, data: Any) -> str:
    """What a template makes of data.

    Args:
        template: in the language of Go's text/template.
        data: texts, numbers, truth values, lists, maps and `Struct`s.

    Raises:
        TemplateError: it is no template, or asks for what there is not; names the line.
    """
    return Rendering(parse(template, _NAMES), FUNCTIONS).text(data)
