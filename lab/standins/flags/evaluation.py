"""What users get: Flipt's evaluation (`internal/server/evaluation/evaluation.go`), its snapshot for clients, and OFREP."""

import zlib
from typing import Any

from lab.standins.flags.state import BOOLEAN, Namespace, copied, now

_TESTS = {
    "eq": lambda said, wanted: said == wanted,
    "neq": lambda said, wanted: said != wanted,
    "prefix": lambda said, wanted: said.startswith(wanted),
    "suffix": lambda said, wanted: said.endswith(wanted),
}
MATCH, DEFAULT = "MATCH_EVALUATION_REASON", "DEFAULT_EVALUATION_REASON"
OFF, UNKNOWN = "FLAG_DISABLED_EVALUATION_REASON", "UNKNOWN_EVALUATION_REASON"


class Evaluation:
    """One namespace, for one user after the other."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def boolean(self, key: str, entity: str, context: dict[str, Any]) -> dict[str, Any]:
        """The answer of ``/evaluate/v1/boolean``."""
        flag = self._namespace.flag(key)
        bucket = zlib.crc32(f"{entity}{key}".encode()) % 100
        value, reason = flag["enabled"], DEFAULT
        for one in flag["rollouts"]:
            there = one.get("threshold")
            if there is not None and bucket < there["percentage"]:
                value, reason = there["value"], MATCH
                break
            if there is None and self._catches(one["segment"], entity, context):
                value, reason = one["segment"]["value"], MATCH
                break
        return _timed({"enabled": value, "flagKey": key, "reason": reason, "segmentKeys": [], "requestId": ""})

    def variant(self, key: str, entity: str, context: dict[str, Any]) -> dict[str, Any]:
        """The answer of ``/evaluate/v1/variant``."""
        flag = self._namespace.flag(key)
        name, match, reason = flag["defaultVariant"] or "", False, DEFAULT if flag["defaultVariant"] else UNKNOWN
        if not flag["enabled"]:
            reason = OFF
        for rule in flag["rules"] if flag["enabled"] else []:
            if self._catches(rule, entity, context):
                name, match, reason = _part(rule, key, entity) or name, True, MATCH
                break
        found: dict[str, Any] = next((one for one in flag["variants"] if one["key"] == name), {})
        said: dict[str, Any] = {"match": match, "segmentKeys": [], "reason": reason, "flagKey": key, "variantKey": name}
        return _timed(said | {"variantAttachment": str(found.get("attachment", "")), "requestId": ""})

    def ofrep(self, key: str, context: dict[str, Any]) -> dict[str, Any]:
        """The answer of ``/ofrep/v1/evaluate/flags/{key}``; a flag without rules says STATIC, as flagd does."""
        flag, entity = self._namespace.flag(key), str(context.get("targetingKey", ""))
        ruled = bool(flag["rules"] or flag["rollouts"])
        if flag["type"] == BOOLEAN:
            said = self.boolean(key, entity, context)
            value, variant = said["enabled"], str(said["enabled"]).lower()
        else:
            said = self.variant(key, entity, context)
            value = variant = said["variantKey"]
        reason = {MATCH: "TARGETING_MATCH", OFF: "DISABLED"}.get(said["reason"], "DEFAULT" if ruled else "STATIC")
        return {"key": key, "value": value, "reason": reason, "variant": variant, "metadata": {}}

    def snapshot(self, name: str) -> dict[str, Any]:
        """The answer of ``/internal/v1/evaluation/snapshot/namespace/{key}``."""
        flags = [self._snapped(flag) for _, flag in sorted(self._namespace.flags.items())]
        shown: dict[str, Any] = copied({"namespace": {"key": name}, "flags": flags, "digest": ""})
        return shown

    def _snapped(self, flag: dict[str, Any]) -> dict[str, Any]:
        default = next((one for one in flag["variants"] if one["key"] == flag["defaultVariant"]), None)
        ids = {one["key"]: one["id"] for one in flag["variants"]}
        shown = {"id": default["id"], "key": default["key"], "attachment": ""} if default else None
        return {
            **{
                name: flag[name] for name in ("key", "name", "description", "enabled", "type", "createdAt", "updatedAt")
            },
            "rules": [self._rule(rule, rank, ids) for rank, rule in enumerate(flag["rules"], 1)],
            "rollouts": [self._rollout(one, rank) for rank, one in enumerate(flag["rollouts"], 1)],
            "defaultVariant": shown,
        }

    def _rule(self, rule: dict[str, Any], rank: int, ids: dict[str, str]) -> dict[str, Any]:
        parts = [
            {
                "ruleId": rule["id"],
                "variantId": ids[part["variant"]],
                "variantKey": part["variant"],
                "variantAttachment": "",
                "rollout": part["rollout"],
            }
            for part in rule["distributions"]
        ]
        segments = [self._segment(key) for key in rule["segments"]]
        said = {"id": rule["id"], "rank": rank, "segmentOperator": rule["segmentOperator"]}
        return said | {"segments": segments, "distributions": parts}

    def _rollout(self, one: dict[str, Any], rank: int) -> dict[str, Any]:
        said = {"type": one["type"], "rank": rank}
        if "threshold" in one:
            return said | {"threshold": one["threshold"]}
        segment = one["segment"]
        segments = [self._segment(key) for key in segment["segments"]]
        shown = {"value": segment["value"], "segmentOperator": segment["segmentOperator"], "segments": segments}
        return said | {"segment": shown}

    def _segment(self, key: str) -> dict[str, Any]:
        found = self._namespace.segments[key]
        constraints = [
            {
                "id": str(index),
                "type": one["type"].replace("COMPARISON", "CONSTRAINT_COMPARISON"),
                **{name: one[name] for name in ("property", "operator", "value")},
            }
            for index, one in enumerate(found["constraints"])
        ]
        match = found["matchType"].replace("MATCH", "SEGMENT_MATCH")
        return {"key": key, "name": "", "description": "", "matchType": match, "constraints": constraints}

    def _catches(self, rule: dict[str, Any], entity: str, context: dict[str, Any]) -> bool:
        known = [self._matches(self._namespace.segments[key], entity, context) for key in rule["segments"]]
        return all(known) if rule["segmentOperator"] == "AND_SEGMENT_OPERATOR" else any(known)

    @staticmethod
    def _matches(segment: dict[str, Any], entity: str, context: dict[str, Any]) -> bool:
        constraints = segment["constraints"]
        known = [_TESTS[one["operator"]](str(context.get(one["property"], "")), one["value"]) for one in constraints]
        return all(known) if segment["matchType"] == "ALL_MATCH_TYPE" or not known else any(known)


def _part(rule: dict[str, Any], key: str, entity: str) -> str:
    parts = [part for part in rule["distributions"] if part["rollout"] > 0]
    whole = sum(part["rollout"] for part in parts)
    bucket, reached = zlib.crc32(f"{key}{entity}".encode()) % 1000, 0.0  # the other way round than of a boolean flag
    for part in parts:
        reached += part["rollout"] / whole * 1000
        if bucket < int(reached) or part is parts[-1]:
            return str(part["variant"])
    return ""


def _timed(said: dict[str, Any]) -> dict[str, Any]:
    return said | {"requestDurationMillis": 0.1, "timestamp": now()}
