"""Flipt v1's REST API of flags (v1.61, `rpc/flipt/flipt.proto` with its google.api.http options and `validation.go`)."""

import base64
from collections.abc import Callable
from typing import Any

from lab.standins.flags.state import BOOLEAN, THRESHOLD, Namespace, ProblemError, Store, copied, invalid, not_found, now

Act = Callable[[dict[str, str], dict[str, Any], dict[str, str]], Any]
ROOT = "/api/v1/namespaces/{namespace}"
FLAG = f"{ROOT}/flags/{{flag}}"


class V1:
    """The acts of v1 on one environment: v1 has no others."""

    def __init__(self, store: Store, environment: str = "default") -> None:
        self._store, self._environment = store, environment
        self.routes: list[tuple[str, str, Act]] = [
            ("GET", f"{ROOT}/flags", self.list_flags),
            ("GET", FLAG, self.get_flag),
            ("PUT", FLAG, self.update_flag),
            ("DELETE", FLAG, self.delete_flag),
            ("GET", f"{FLAG}/rules", self.list_rules),
            ("PUT", f"{FLAG}/rules/{{rule}}/distributions/{{id}}", self.update_distribution),
            ("GET", f"{FLAG}/rollouts", self.list_rollouts),
            ("POST", f"{FLAG}/rollouts", self.create_rollout),
            ("PUT", f"{FLAG}/rollouts/order", self.order_rollouts),
            ("PUT", f"{FLAG}/rollouts/{{id}}", self.update_rollout),
            ("DELETE", f"{FLAG}/rollouts/{{id}}", self.delete_rollout),
            ("GET", f"{ROOT}/segments", self.list_segments),
        ]

    def list_flags(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        flags = self._namespace(path).flags
        page = _page("flags", sorted(flags), query)
        return page | {"flags": [self._shown(path["namespace"], flags[key]) for key in page["flags"]]}

    def get_flag(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        return self._shown(path["namespace"], self._flag(path))

    def update_flag(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        _only(body, "name", "description", "enabled", "defaultVariantId", "metadata", "key", "namespaceKey")
        if not body.get("name"):
            raise invalid("invalid field name: must not be empty")
        flag = self._flag(path)
        by_id = {one["id"]: one["key"] for one in flag["variants"]}
        default = body.get("defaultVariantId") or ""
        if default and default not in by_id:
            raise not_found(f'variant "{default}" for flag "{flag["key"]}"')
        # What a caller leaves out is empty afterwards.
        flag |= {
            "name": body["name"],
            "description": body.get("description", ""),
            "enabled": body.get("enabled", False),
            "defaultVariant": by_id.get(default),
            "metadata": body.get("metadata") or {},
            "updatedAt": now(),
        }
        self._store.moved(self._environment)
        return self._shown(path["namespace"], flag)

    def delete_flag(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        self._namespace(path).flags.pop(path["flag"], None)
        self._store.moved(self._environment)
        return {}

    def list_rules(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        flag = self._flag(path)
        ids = {one["key"]: one["id"] for one in flag["variants"]}
        return _page("rules", [_rule(path, flag, rank, one, ids) for rank, one in enumerate(flag["rules"], 1)], query)

    def update_distribution(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        _only(body, "variantId", "rollout")
        flag = self._flag(path)
        names = {one["id"]: one["key"] for one in flag["variants"]}
        found = [part for rule in flag["rules"] if rule["id"] == path["rule"] for part in rule["distributions"]]
        part = next((part for part in found if part["id"] == path["id"]), None)
        if part is None or body.get("variantId") not in names:
            raise not_found(f'distribution "{path["id"]}"')
        if not 0 <= body.get("rollout", 0) <= 100:
            raise invalid("invalid field rollout: must be between '0' and '100'")
        part |= {"variant": names[body["variantId"]], "rollout": body.get("rollout", 0)}
        self._store.moved(self._environment)
        return copied(part)

    def list_rollouts(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        flag = self._flag(path)
        return _page("rules", [_rollout(path, rank, one) for rank, one in enumerate(flag["rollouts"], 1)], query)

    def create_rollout(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        _only(body, "rank", "description", "threshold", "segment")
        flag = self._flag(path)
        if body.get("rank", 0) <= 0:
            raise invalid("invalid field rank: must be greater than 0")
        if body["rank"] <= len(flag["rollouts"]):
            raise invalid(f"rank number: {body['rank']} already exists")
        if flag["type"] != BOOLEAN or "threshold" not in body:
            raise invalid("rollout rule is missing")
        new = {"id": self._store.new_id(), "type": THRESHOLD, "updatedAt": now(), **_threshold(body)}
        flag["rollouts"].append(new)
        self._store.moved(self._environment)
        return _rollout(path, body["rank"], new)

    def update_rollout(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        _only(body, "description", "threshold")
        flag = self._flag(path)
        for rank, one in enumerate(flag["rollouts"], 1):
            if one["id"] == path["id"]:
                one.update(_threshold(body), updatedAt=now())
                self._store.moved(self._environment)
                return _rollout(path, rank, one)
        raise not_found(f'rollout "{path["id"]}"')

    def delete_rollout(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        flag = self._flag(path)
        flag["rollouts"] = [one for one in flag["rollouts"] if one["id"] != path["id"]]
        self._store.moved(self._environment)
        return {}

    def order_rollouts(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        _only(body, "rolloutIds")
        flag = self._flag(path)
        by_id = {one["id"]: one for one in flag["rollouts"]}
        if len(body.get("rolloutIds") or []) < 2:
            raise invalid("invalid field rolloutIds: must contain atleast 2 elements")
        if set(body["rolloutIds"]) != set(by_id):
            raise invalid("rolloutIds are not those of the flag")
        flag["rollouts"] = [by_id[one] for one in body["rolloutIds"]]
        self._store.moved(self._environment)
        return {}

    def list_segments(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        return _page("segments", [copied(one) for _, one in sorted(self._namespace(path).segments.items())], query)

    def _namespace(self, path: dict[str, str]) -> Namespace:
        return self._store.namespace(self._environment, path["namespace"])

    def _flag(self, path: dict[str, str]) -> dict[str, Any]:
        return self._namespace(path).flag(path["flag"])

    def _shown(self, namespace: str, flag: dict[str, Any]) -> Any:
        variants = [
            {"attachment": "", **one, "flagKey": flag["key"], "namespaceKey": namespace, "createdAt": flag["createdAt"]}
            for one in flag["variants"]
        ]
        kept = {name: value for name, value in flag.items() if name not in {"rules", "rollouts"}}
        default = next((one for one in variants if one["key"] == flag["defaultVariant"]), None)
        return copied({**kept, "variants": variants, "namespaceKey": namespace, "defaultVariant": default})


def _rule(path: dict[str, str], flag: dict[str, Any], rank: int, rule: dict[str, Any], ids: dict[str, str]) -> Any:
    one = len(rule["segments"]) == 1
    return copied(
        {
            "id": rule["id"],
            "flagKey": flag["key"],
            "namespaceKey": path["namespace"],
            "segmentKey": rule["segments"][0] if one else "",
            "segmentKeys": [] if one else rule["segments"],
            "segmentOperator": rule["segmentOperator"],
            "rank": rank,
            "updatedAt": rule["updatedAt"],
            "distributions": [
                {"id": part["id"], "ruleId": rule["id"], "variantId": ids[part["variant"]], "rollout": part["rollout"]}
                for part in rule["distributions"]
            ],
        }
    )


def _rollout(path: dict[str, str], rank: int, rollout: dict[str, Any]) -> Any:
    shown = {**rollout, "flagKey": path["flag"], "namespaceKey": path["namespace"], "rank": rank}
    if "segment" in rollout:
        segment = rollout["segment"]
        one = len(segment["segments"]) == 1
        shown["segment"] = {
            "segmentKey": segment["segments"][0] if one else "",
            "segmentKeys": [] if one else segment["segments"],
            "segmentOperator": segment["segmentOperator"],
            "value": segment["value"],
        }
    return copied(shown)


def _threshold(body: dict[str, Any]) -> dict[str, Any]:
    said = body.get("threshold") or {}
    _only(said, "percentage", "value")
    if not 0 <= said.get("percentage", 0) <= 100:
        raise invalid("invalid field threshold.percentage: must be within range [0, 100]")
    value = {"percentage": said.get("percentage", 0), "value": said.get("value", False)}
    return {"description": body.get("description", ""), "threshold": value}


def _only(body: dict[str, Any], *names: str) -> None:
    """Nothing that the API does not know: one that guesses would hide a wrong caller."""
    if odd := set(body) - set(names):
        raise invalid(f"unknown fields: {', '.join(sorted(odd))}")


def _page(name: str, found: list[Any], query: dict[str, str]) -> Any:
    limit = int(query.get("limit") or 0) or len(found) or 1
    try:
        start = int(base64.b64decode(query["pageToken"])) if query.get("pageToken") else 0
    except ValueError:
        raise ProblemError(400, 3, f"pageToken is not valid: {query['pageToken']!r}") from None
    following = start + limit
    token = base64.b64encode(str(following).encode()).decode() if following < len(found) else ""
    return {name: found[start:following], "nextPageToken": token, "totalCount": len(found)}
