"""Builds documents that satisfy a published model, from the few values that matter.

GitHub's payloads have a hundred required fields of which a receiver reads five. Writing them out would be a copy of
GitHub's documentation that ages; here the model, generated from GitHub's OpenAPI document, says which fields must be
there and of which kind, and the result is validated against it.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

UNSET = "<UNSET>"
STRINGS = {"date-time": "2026-01-01T00:00:00Z", "uri": "https://github.invalid/", "email": "lab@github.invalid"}
PLAIN: dict[str, Any] = {"integer": 1, "number": 1, "boolean": False, "array": [], "null": None}
Schema = Mapping[str, Any]


def minimal_document(model: type[BaseModel], known: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest document the model accepts that carries the known values.

    Raises:
        KeyError: a known value has no place in the model.
        pydantic.ValidationError: a known value is of the wrong kind.
    """
    schema = model.model_json_schema(by_alias=True)
    document = _object(schema, schema.get("$defs", {}), known)
    model.model_validate(document)
    return document


def _object(schema: Schema, definitions: Schema, known: Mapping[str, Any]) -> dict[str, Any]:
    properties: Schema = schema.get("properties", {})
    unknown = set(known) - set(properties)
    if unknown and schema.get("additionalProperties") is not True:
        raise KeyError(f"{schema.get('title')} has no {', '.join(sorted(unknown))}")
    filled = {name: _value(properties[name], definitions, known.get(name)) for name in schema.get("required", [])}
    given = {
        name: _value(properties[name], definitions, value) if name in properties else value
        for name, value in known.items()
    }
    return filled | given


def _value(schema: Schema, definitions: Schema, known: Any) -> Any:
    schema = _resolved(schema, definitions)
    if "anyOf" in schema:
        return _value(_branch(schema["anyOf"], definitions, known), definitions, known)
    if isinstance(known, Mapping) and "properties" in schema:
        return _object(schema, definitions, known)
    if isinstance(known, list) and "items" in schema:
        return [_value(schema["items"], definitions, item) for item in known]
    return _filler(schema, definitions) if known is None else known


def _filler(schema: Schema, definitions: Schema) -> Any:
    """Any value of the right kind."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "object")
    if kind == "string":
        return STRINGS.get(schema.get("format", ""), "")
    return PLAIN[kind] if kind in PLAIN else _object(schema, definitions, {})


def _branch(branches: list[Schema], definitions: Schema, known: Any) -> Schema:
    """The branch a known value fits; without one, null where it is allowed."""
    candidates = [_resolved(branch, definitions) for branch in branches if branch.get("const") != UNSET]
    kinds: dict[type[Any], str] = {type(None): "null", dict: "object", list: "array", str: "string"}
    wanted = kinds.get(type(known), "")
    fitting = [branch for branch in candidates if branch.get("type") == wanted]
    if isinstance(known, Mapping):
        fitting = [branch for branch in fitting if set(known) <= set(branch.get("properties", {}))] or fitting
    return (fitting or candidates)[0]


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    reference = schema.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else schema
