"""docs/flux-fields.md is what Flux's types and sluice's models say."""

from __future__ import annotations

import pytest

from lab.programs.flux import flux_fields
from tests.docs.flux_fields import PAGE, page, rows

pytestmark = pytest.mark.lab


def test_the_table_of_fields_is_true() -> None:
    assert PAGE.read_text() == page(rows(flux_fields())), "run: python -m tests.docs.flux_fields"
