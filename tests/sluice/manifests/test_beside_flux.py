"""One object, one controller: sluice leaves to Flux what Flux's controllers act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.manifests.beside_flux import RUN_BY, left_to_flux, run_by_sluice

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def wrote(manager: str, ago: float, subresource: str = "status") -> dict[str, Any]:
    moment = (NOW - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"manager": manager, "operation": "Update", "time": moment, "subresource": subresource}


def item(*fields: dict[str, Any], interval: str = "1m", run_by: str = "") -> dict[str, Any]:
    annotations = {RUN_BY: run_by} if run_by else {}
    meta = {"name": "shop", "namespace": "team", "managedFields": list(fields), "annotations": annotations}
    return {"kind": "Kustomization", "metadata": meta, "spec": {"interval": interval}}


def since(ago: float) -> str:
    return run_by_sluice(NOW - timedelta(seconds=ago))


@pytest.mark.parametrize(
    "mine",
    [
        item(),
        item(wrote("kubectl-edit", 1)),
        item(wrote("sluice", 1)),
        item(wrote("kustomize-controller", 1, subresource="")),  # its finalizer
        item(wrote("kustomize-controller", 181)),
        item(wrote("kustomize-controller", 3601), interval="24h"),
        item(wrote("kustomize-controller", 90), run_by=since(60)),
        item(wrote("kustomize-controller", 1), {"manager": "sluice"}, run_by=since(0)),
    ],
)
def test_what_flux_does_not_act_on_is_sluices(mine: dict[str, Any]) -> None:
    assert left_to_flux(mine, NOW) == ""


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (item(wrote("kustomize-controller", 30)), "kustomize-controller is at work on it"),
        (item(wrote("kustomize-controller", 30), wrote("sluice", 1)), "written 30 s ago"),
        (item(wrote("source-controller", 1700), interval="10m"), "source-controller"),
        (item(wrote("kustomize-controller", 30), run_by=since(60)), "kustomize-controller"),
        (item(run_by="flux"), "says flux"),
        (item(wrote("kustomize-controller", 30), interval="soon"), "kustomize-controller"),
    ],
)
def test_what_flux_acts_on_is_left_to_it(theirs: dict[str, Any], why: str) -> None:
    assert why in left_to_flux(theirs, NOW)
