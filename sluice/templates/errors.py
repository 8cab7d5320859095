"""What goes wrong with a template."""

from __future__ import annotations

from sluice.errors import InvalidError


class TemplateError(InvalidError):
    """A template that Go would refuse too, or one that asks for what there is not."""
