"""What is done to what a chart renders: labels on everything, and no scalar that becomes another one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks.helm import post_renderer
from blocks.helm.post_renderer import rendered
from sluice.helm.objects.post_rendering import plan
from tests.sluice.helm.test_decide import helm_release

RENDERED = """---
# Source: shop/templates/all.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
  labels: {app: shop, "helm.toolkit.fluxcd.io/name": other}
data: {mode: 0o17, yes: yes, time: 12:30, text: "on", eq: =, big: 1e3}
---
---
apiVersion: v1
kind: Pod
metadata:
  name: hook
  annotations: {helm.sh/hook: pre-install}
"""
ORIGIN = {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "apps"}


def of(spec: dict[str, Any] | None = None) -> dict[str, Any]:
    return plan(helm_release(spec), "kustomize")


def documents(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.load_all(text, Loader=yaml.BaseLoader) if one]


def test_all_objects_get_the_labels_of_their_origin_and_what_is_common() -> None:
    common = {"labels": {"team": "a", "helm.toolkit.fluxcd.io/name": "mine"}, "annotations": {"note": "yes"}}
    one, hook = documents(rendered(RENDERED, of({"commonMetadata": common})))
    assert one["metadata"]["labels"] == {"app": "shop", "team": "a", **ORIGIN}
    assert one["metadata"]["annotations"] == {"note": "yes"}
    assert hook["metadata"]["labels"] == {"team": "a", **ORIGIN}
    assert hook["metadata"]["annotations"] == {"helm.sh/hook": "pre-install", "note": "yes"}


def test_scalars_stay_as_they_are_written() -> None:
    text = rendered(RENDERED, of())
    for written in ("mode: 0o17", "yes: yes", 'text: "on"', "eq: =", "big: 1e3"):
        assert written in text, text


def test_hooks_are_left_alone_where_that_is_asked_for() -> None:
    _, hook = documents(rendered(RENDERED, of({"postRenderStrategy": "nohooks"})))
    assert "labels" not in hook["metadata"]


def test_a_chart_without_objects_is_no_failure_to_helm() -> None:
    assert rendered("", of()).strip()


def test_what_labels_say_is_text_whatever_it_looks_like() -> None:
    text = rendered(RENDERED, of({"commonMetadata": {"labels": {"on": "1.0", "v": "true"}}}))
    assert documents(text)[0]["metadata"]["labels"]["on"] == "1.0"
    assert 'v: "true"' in text


def test_what_is_left_out_stays_null() -> None:
    text = rendered("kind: A\nmetadata: {name: x, labels: }\nspec: {a: , b: [~, null, '']}\n", of())
    assert yaml.safe_load(text)["spec"] == {"a": None, "b": [None, None, ""]}


def test_the_program_says_why_not_where_sluice_reads_it(tmp_path: Path) -> None:
    """Helm itself says only that its plugin failed."""
    (tmp_path / "plan.json").write_text(
        json.dumps(of({"postRenderers": [{"kustomize": {"patches": [{"patch": "x"}]}}]}))
    )
    done = subprocess.run(
        [sys.executable, "-I", post_renderer.__file__, str(tmp_path / "plan.json"), str(tmp_path / "refused")],
        input=RENDERED.replace("kind: Pod", "kind: [Pod"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "while parsing" in (tmp_path / "refused").read_text()


@pytest.mark.parametrize("labels", [{}, {"a": "b"}])
def test_the_program_writes_what_helm_goes_on_with(tmp_path: Path, labels: dict[str, str]) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(of({"commonMetadata": {"labels": labels}})))
    done = subprocess.run(
        [sys.executable, "-I", post_renderer.__file__, str(tmp_path / "plan.json"), str(tmp_path / "refused")],
        input=RENDERED,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert documents(done.stdout)[0]["metadata"]["labels"] == {"app": "shop", **labels, **ORIGIN}
