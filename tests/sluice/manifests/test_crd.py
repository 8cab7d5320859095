"""Definitions of the modelled kinds: structural, from the models alone, and forgiving to what they do not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.crd import COLUMNS, crds
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.image_policy import DigestPolicy, ImagePolicy
from sluice.manifests.flux.image_repository import ImageRepository
from sluice.manifests.flux.image_update_automation import ImageUpdateAutomation, LabelSelector
from sluice.manifests.flux.kustomization import Kustomization

DEFINITIONS = {crd["spec"]["names"]["kind"]: crd for crd in crds()}
KEYWORDS = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "const", "title", "default", "additionalItems", "definitions"}


def schemas(crd: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for version in crd["spec"]["versions"]:
        yield version["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for child in (schema.get("properties") or {}).values():
        yield from nodes(child)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key])


@pytest.mark.parametrize("crd", DEFINITIONS.values(), ids=DEFINITIONS.keys())
def test_schemas_are_structural(crd: dict[str, Any]) -> None:
    """Each place has one type or says that anything goes; none of JSON Schema's ways that API servers refuse."""
    for schema in schemas(crd):
        for node in nodes(schema):
            assert KEYWORDS & set(node) == set()
            typed = (
                "type" in node
                or node.get("x-kubernetes-preserve-unknown-fields")
                or "x-kubernetes-int-or-string" in node
            )
            assert typed, node
            assert not ({"properties", "additionalProperties"} <= set(node))
            assert set(node.get("required") or []) <= set(node.get("properties") or {})


@pytest.mark.parametrize("crd", DEFINITIONS.values(), ids=DEFINITIONS.keys())
def test_what_the_models_do_not_know_is_kept(crd: dict[str, Any]) -> None:
    """A pruned field could not be reported: every object with named fields keeps others, too, at any depth."""
    for schema in schemas(crd):
        for part in (schema["properties"]["spec"], schema["properties"]["status"]):
            assert all(node["x-kubernetes-preserve-unknown-fields"] for node in nodes(part) if "properties" in node)


@pytest.mark.parametrize("model", COLUMNS, ids=lambda model: str(model.kind))
def test_a_definition_says_what_its_model_says(model: Any) -> None:
    """Names, group, versions and fields come from the model: there is one source."""
    crd = DEFINITIONS[model.kind]
    group, version = model.api_version.split("/")
    assert crd["metadata"]["name"] == f"{model.plural}.{group}"
    stored = [one["name"] for one in crd["spec"]["versions"] if one["storage"]]
    assert stored == [version]
    fields = {field.alias for field in model.model_fields["spec"].annotation.model_fields.values()}
    assert all(set(schema["properties"]["spec"]["properties"]) == fields for schema in schemas(crd))
    assert all(one["subresources"] == {"status": {}} for one in crd["spec"]["versions"])


def test_image_kinds_are_served_as_v1beta2_too() -> None:
    """Manifests of Flux's older API are applied as they are."""
    for kind in ("ImageRepository", "ImagePolicy", "ImageUpdateAutomation"):
        assert {one["name"] for one in DEFINITIONS[kind]["spec"]["versions"]} == {"v1", "v1beta2"}


META = {"name": "shop", "namespace": "team"}


def test_unknown_and_unused_fields_are_named_by_their_paths() -> None:
    """Kept as they came, and reported wherever they are."""
    spec = {"sourceRef": {"kind": "GitRepository", "name": "a", "x": 1}, "prune": True, "further": [], "wait": True}
    one = Kustomization.parse({"metadata": META, "spec": spec | {"patches": [{"patch": "p", "y": 2}]}})
    assert set(one.spec.unsupported("spec")) == {"spec.further", "spec.sourceRef.x", "spec.patches[0].y"}
    assert one.spec.model_dump(by_alias=True)["wait"] is True
    quiet = Kustomization.parse({"metadata": META, "spec": {"sourceRef": {"name": "a"}, "prune": False}})
    assert list(quiet.spec.unsupported("spec")) == []


@pytest.mark.parametrize(
    ("model", "spec", "said"),
    [
        (Kustomization, {"prune": True}, r"Kustomization team/shop is not valid: spec\.sourceRef: Field required"),
        (Kustomization, {"sourceRef": {"name": "a"}}, r"spec\.prune"),
        (GitRepository, {"url": "ext::sh -c x"}, r"spec\.url"),
        (GitRepository, {"url": "--upload-pack=x"}, r"spec\.url"),
        (
            ImagePolicy,
            {"imageRepositoryRef": {"name": "a"}, "policy": {"numerical": {"order": "up"}}},
            r"numerical\.order",
        ),
        (ImageUpdateAutomation, {"sourceRef": {"name": "a"}, "git": {"commit": {}}}, r"spec\.git\.commit\.author"),
    ],
)
def test_a_wrong_manifest_is_refused_by_the_path_of_the_field(model: Any, spec: dict[str, Any], said: str) -> None:
    """A person can go to the field and correct it."""
    with pytest.raises(InvalidError, match=said):
        model.parse({"metadata": META, "spec": spec})


def test_the_defaults_are_flux_s_and_the_one_that_differs_says_so() -> None:
    """Whoever leaves a field out gets what Flux would do; images are named by digest unless a policy forbids it."""
    source = GitRepository.parse({"metadata": META, "spec": {"url": "https://git.example/a"}})
    assert source.spec.ref.branch == "master"
    repository = ImageRepository.parse({"metadata": META, "spec": {"image": "a/b"}})
    assert repository.spec.exclusion_list == (r"^.*\.sig$",)
    policy = ImagePolicy.parse({"metadata": META, "spec": {"imageRepositoryRef": {"name": "a"}, "policy": {}}})
    assert policy.spec.digest_reflection_policy is DigestPolicy.ALWAYS
    assert policy.repository == ("team", "a")


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"app": "shop"}}, True),
        ({"matchLabels": {"app": "cart"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "shop"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "shop"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_an_automation_serves_the_policies_that_its_selector_selects(selector: dict[str, Any], selected: bool) -> None:
    """As Kubernetes reads selectors: an automation never writes for a policy that its owner left out."""
    assert LabelSelector.model_validate(selector).matches({"app": "shop"}) is selected
