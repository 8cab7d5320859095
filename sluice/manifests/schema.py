"""From a pydantic model to a structural OpenAPI v3 schema, the dialect that CustomResourceDefinitions take.

The dialect has no `$ref`, no `anyOf` for types and no null type
(kubernetes.io, "Specifying a structural schema"). Defaults are left out on purpose: they belong to the models, and a
default in a CRD would be written into users' objects and outlive us there. Fields that no model names are preserved, so
that they can be reported.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
_KEPT = ("description", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems")
_BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))
PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"


def structural(model: type[BaseModel]) -> Schema:
    """The schema of a model, with the models in it written out in place."""
    whole = model.model_json_schema(by_alias=True)
    return _convert(whole, whole.get("$defs", {}))


def _convert(node: Schema, models: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        named = models[node["$ref"].rsplit("/", 1)[-1]]
        node = {**named, **{key: value for key, value in node.items() if key != "$ref"}}
    if "anyOf" in node:
        return _union(node, models)
    out: Schema = {key: node[key] for key in _KEPT if key in node}
    if "const" in node:
        out["enum"] = [node["const"]]
    for theirs, ours in _BOUNDS:
        if theirs in node:
            out |= {ours: node[theirs], theirs: True}
    kind = node.get("type")
    if kind is None and "enum" in out:
        kind = "string"
    if kind is None:
        return out | {PRESERVE: True}
    out["type"] = kind
    if kind == "array":
        out["items"] = _convert(node.get("items", {}), models)
    elif kind == "object":
        out |= _object(node, models)
    return out


def _object(node: Schema, models: dict[str, Schema]) -> Schema:
    properties = node.get("properties")
    if properties:
        out: Schema = {
            "properties": {key: _convert(value, models) for key, value in properties.items()},
            PRESERVE: True,
        }
        return out | ({"required": node["required"]} if node.get("required") else {})
    values = node.get("additionalProperties")
    if isinstance(values, dict) and values:
        return {"additionalProperties": _convert(values, models)}
    return {PRESERVE: True}


def _union(node: Schema, models: dict[str, Schema]) -> Schema:
    options = [option for option in node["anyOf"] if option.get("type") != "null"]
    nullable: Schema = {"nullable": True} if len(options) < len(node["anyOf"]) else {}
    described: Schema = {"description": node["description"]} if "description" in node else {}
    if {option.get("type") for option in options} == {"integer", "string"}:
        return {INT_OR_STRING: True} | nullable | described
    if len(options) == 1:
        return _convert(options[0], models) | nullable | described
    return {PRESERVE: True} | nullable | described
