"""What the stand-in keeps: flags and segments of each environment and namespace, in the form of Flipt v2, and revisions.

Field names and rules: flipt-io/flipt v2.9 `rpc/flipt/core/core.proto`, v1.61 `rpc/flipt/flipt.proto`. Rules, rollouts and
distributions carry an ``id`` besides, which v1 shows.
"""

import hashlib
import itertools
import json
from datetime import UTC, datetime
from typing import Any

BOOLEAN, VARIANT = "BOOLEAN_FLAG_TYPE", "VARIANT_FLAG_TYPE"
THRESHOLD, SEGMENT = "THRESHOLD_ROLLOUT_TYPE", "SEGMENT_ROLLOUT_TYPE"
OR_OPERATOR = "OR_SEGMENT_OPERATOR"


class ProblemError(Exception):
    """A refusal, with the codes that grpc-gateway gives (https://pkg.go.dev/google.golang.org/grpc/codes)."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, "details": []}


def not_found(what: str) -> ProblemError:
    return ProblemError(404, 5, f"{what} not found")


def invalid(message: str) -> ProblemError:
    return ProblemError(400, 3, message)


def conflict(message: str) -> ProblemError:
    return ProblemError(409, 10, message)


class Namespace:
    """Flags and segments by key."""

    def __init__(self) -> None:
        self.flags: dict[str, dict[str, Any]] = {}
        self.segments: dict[str, dict[str, Any]] = {}

    def flag(self, key: str) -> dict[str, Any]:
        if key not in self.flags:
            raise not_found(f'flag "{key}"')
        return self.flags[key]


class Store:
    """All environments. Each change gives its environment another revision."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._environments: dict[str, dict[str, Namespace]] = {}
        self._moves: dict[str, int] = {}

    def namespace(self, environment: str, key: str) -> Namespace:
        try:
            return self._environments[environment][key]
        except KeyError:
            raise not_found(f'namespace "{key}" in environment "{environment}"') from None

    def revision(self, environment: str) -> str:
        return hashlib.sha256(f"{environment}{self._moves.get(environment, 0)}".encode()).hexdigest()[:40]

    def moved(self, environment: str) -> str:
        self._moves[environment] = self._moves.get(environment, 0) + 1
        return self.revision(environment)

    def load(self, environment: str, key: str, document: dict[str, Any]) -> None:
        """Flags and segments as `features.yml` has them take the place of what a namespace has."""
        namespace = Namespace()
        for raw in document.get("segments") or []:
            namespace.segments[raw["key"]] = _segment(raw)
        for raw in document.get("flags") or []:
            namespace.flags[raw["key"]] = self.identified(_flag(raw))
        self._environments.setdefault(environment, {})[key] = namespace
        self.moved(environment)

    def new_id(self) -> str:
        return f"{next(self._ids):08d}-0000-4000-8000-000000000000"

    def identified(self, flag: dict[str, Any]) -> dict[str, Any]:
        """The flag with an id and moments on each part that has none."""
        for one in (*flag["variants"], *flag["rules"], *flag["rollouts"]):
            one.setdefault("id", self.new_id())
            one.setdefault("updatedAt", now())
        for part in (part for rule in flag["rules"] for part in rule["distributions"]):
            part.setdefault("id", self.new_id())
        flag.setdefault("createdAt", now())
        flag.setdefault("updatedAt", now())
        return flag


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "000Z")


def _segment(raw: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": raw["key"],
        "matchType": raw.get("match_type", "ALL_MATCH_TYPE"),
        "name": raw.get("name", raw["key"]),
        "description": raw.get("description", ""),
        "constraints": [
            {"type": "STRING_COMPARISON_TYPE", "property": "", "operator": "eq", "value": "", "description": ""} | one
            for one in raw.get("constraints") or []
        ],
    }


def _flag(raw: dict[str, Any]) -> dict[str, Any]:
    variants = [
        {"key": one["key"], "name": one.get("name", ""), "description": one.get("description", "")}
        | ({"attachment": one["attachment"]} if "attachment" in one else {})
        for one in raw.get("variants") or []
    ]
    default = next((one["key"] for one in raw.get("variants") or [] if one.get("default")), None)
    return {
        "key": raw["key"],
        "type": raw.get("type", VARIANT),
        "name": raw.get("name", raw["key"]),
        "description": raw.get("description", ""),
        "enabled": raw.get("enabled", False),
        "variants": variants,
        "rules": [_rule(one) for one in raw.get("rules") or []],
        "rollouts": [_rollout(one) for one in raw.get("rollouts") or []],
        "defaultVariant": default,
        "metadata": raw.get("metadata") or {},
    }


def _named(segment: Any) -> tuple[list[str], str]:
    if isinstance(segment, dict):
        keys = segment.get("keys") or ([segment["key"]] if segment.get("key") else [])
        return list(keys), segment.get("operator") or OR_OPERATOR
    return ([segment] if isinstance(segment, str) else list(segment or [])), OR_OPERATOR


def _rule(raw: dict[str, Any]) -> dict[str, Any]:
    keys, operator = _named(raw.get("segment"))
    parts = [{"variant": one["variant"], "rollout": one["rollout"]} for one in raw.get("distributions") or []]
    return {"segments": keys, "segmentOperator": operator, "distributions": parts}


def _rollout(raw: dict[str, Any]) -> dict[str, Any]:
    described = {"description": raw.get("description", "")}
    if "threshold" in raw:
        value = {"percentage": raw["threshold"]["percentage"], "value": raw["threshold"].get("value", False)}
        return described | {"type": THRESHOLD, "threshold": value}
    keys, operator = _named(raw["segment"])
    value = {"value": raw["segment"].get("value", False), "segments": keys, "segmentOperator": operator}
    return described | {"type": SEGMENT, "segment": value}


def copied(value: Any) -> Any:
    """As it goes over the wire."""
    return json.loads(json.dumps(value))
