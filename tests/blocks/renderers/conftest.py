"""The real program, for all tests of rendering."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.renderers.kustomize import Kustomize


@pytest.fixture
def kustomize(lab_env: dict[str, Any]) -> Kustomize:
    """The real program."""
    return Kustomize(program=f"{lab_env['bin']}/kustomize")
