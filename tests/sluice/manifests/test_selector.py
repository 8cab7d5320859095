"""Label selectors in one line, as Kubernetes reads them."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.manifests.selector import selector


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("", {}, True),
        ("team=shop", {"team": "shop"}, True),
        ("team==shop", {"team": "shop"}, True),
        ("team=shop", {"team": "web"}, False),
        ("team=shop", {}, False),
        ("team!=shop", {}, True),
        ("team!=shop", {"team": "shop"}, False),
        ("team in (shop, web)", {"team": "web"}, True),
        ("team in (shop,web)", {}, False),
        ("team notin (shop)", {}, True),
        ("team notin (shop)", {"team": "shop"}, False),
        ("team", {"team": ""}, True),
        ("team", {}, False),
        ("!sharding.fluxcd.io/key", {}, True),
        ("!sharding.fluxcd.io/key", {"sharding.fluxcd.io/key": "x"}, False),
        ("sharding.fluxcd.io/key = sluice , team", {"sharding.fluxcd.io/key": "sluice", "team": "a"}, True),
        ("a=1,b=2", {"a": "1"}, False),
        ("a=", {"a": ""}, True),
        ("in=in,notin in (in)", {"in": "in", "notin": "in"}, True),
    ],
)
def test_as_kubernetes_reads_it(text: str, labels: dict[str, str], matches: bool) -> None:
    assert selector(text).matches(labels) is matches


@pytest.mark.parametrize("text", [",", "a,", "a b", "a in b", "a in (b", "=b", "a>1", "a=b=c", "a=(b)"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="is no label selector"):
        selector(text)
