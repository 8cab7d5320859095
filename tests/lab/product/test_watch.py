"""Reading a route's weights as the Gateway API means them."""

from typing import Any

import pytest

from lab.product.watch import weights


def route(*rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"spec": {"rules": [{"backendRefs": backends} for backends in rules]}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (route([{"name": "shop-primary", "weight": 90}, {"name": "shop-canary", "weight": 10}]), (90, 10)),
        (route([{"name": "shop-canary", "weight": 10}, {"name": "shop-primary", "weight": 90}]), (90, 10)),
        (route([{"name": "shop-primary"}]), (1, 0)),
        (route([{"name": "shop-primary", "weight": 0}, {"name": "shop-canary", "weight": 100}]), (0, 100)),
        (route([{"name": "other"}], [{"name": "shop-primary", "weight": 100}]), (100, 0)),
        ({"spec": {}}, (0, 0)),
    ],
    ids=["step", "order", "no weight is 1", "all on the canary", "another rule first", "empty"],
)
def test_weights_are_read_by_backend_name(given: dict[str, Any], expected: tuple[int, int]) -> None:
    """Weights belong to backends by name; a missing backend has none."""
    assert weights(given, "shop") == expected
