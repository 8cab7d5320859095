"""Flipt v2's API of environments (v2.9, `rpc/v2/environments/environments.proto`): resources with revisions."""

from typing import Any

from lab.standins.flags.state import Store, conflict, copied, invalid, not_found

FLAG, SEGMENT = "flipt.core.Flag", "flipt.core.Segment"
ROOT = "/api/v2/environments/{environment}/namespaces/{namespace}/resources"
_OWN = ("id", "createdAt", "updatedAt")
"""What the stand-in keeps for v1 alone."""


class V2:
    """The acts of v2."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.routes = [
            ("GET", f"{ROOT}/{{type}}", self.list_resources),
            ("GET", f"{ROOT}/{{type}}/{{key}}", self.get_resource),
            ("PUT", ROOT, self.update_resource),
        ]

    def list_resources(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        found = self._of(path, path["type"])
        resources = [self._resource(path["namespace"], path["type"], one) for one in found.values()]
        return {"resources": resources, "revision": self._store.revision(path["environment"])}

    def get_resource(self, path: dict[str, str], _: dict[str, Any], query: dict[str, str]) -> Any:
        found = self._of(path, path["type"]).get(path["key"])
        if found is None:
            raise not_found(f'getting resource "{path["key"]}"')
        resource = self._resource(path["namespace"], path["type"], found)
        return {"resource": resource, "revision": self._store.revision(path["environment"])}

    def update_resource(self, path: dict[str, str], body: dict[str, Any], query: dict[str, str]) -> Any:
        if odd := set(body) - {"key", "payload", "revision", "environmentKey", "namespaceKey"}:
            raise invalid(f"unknown fields: {', '.join(sorted(odd))}")
        payload = dict(body.get("payload") or {})
        kind = payload.pop("@type", "")
        there = self._of(path, kind)
        key = body.get("key") or ""
        if key not in there:
            raise not_found(f'update resource "{key}"')
        if payload.get("key") != key:
            raise invalid("the payload is of another key")
        if body.get("revision") != self._store.revision(path["environment"]):
            raise conflict(f'expected head revision "{body.get("revision")}" has changed')
        if kind == FLAG:
            payload = self._store.identified(_complete(payload))
        there[key] = payload
        revision = self._store.moved(path["environment"])
        return {"resource": self._resource(path["namespace"], kind, payload), "revision": revision}

    def _of(self, path: dict[str, str], kind: str) -> dict[str, dict[str, Any]]:
        namespace = self._store.namespace(path["environment"], path["namespace"])
        try:
            return {FLAG: namespace.flags, SEGMENT: namespace.segments}[kind]
        except KeyError:
            raise invalid(f'unknown resource type "{kind}"') from None

    @staticmethod
    def _resource(namespace: str, kind: str, found: dict[str, Any]) -> Any:
        return {"namespaceKey": namespace, "key": found["key"], "payload": {"@type": kind, **_shown(copied(found))}}


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items() if name not in _OWN and inner is not None}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _complete(payload: dict[str, Any]) -> dict[str, Any]:
    allowed = {
        *("key", "type", "name", "description", "enabled"),
        *("variants", "rules", "rollouts", "defaultVariant", "metadata"),
    }
    if odd := set(payload) - allowed:
        raise invalid(f"proto: unknown field {sorted(odd)[0]!r}")
    for one in payload.get("rollouts") or []:
        if one.get("type") not in ("THRESHOLD_ROLLOUT_TYPE", "SEGMENT_ROLLOUT_TYPE"):
            raise invalid(f"unexpected rollout type: {one.get('type')!r}")
    empty: dict[str, Any] = {"variants": [], "rules": [], "rollouts": [], "metadata": {}, "defaultVariant": None}
    return empty | {"enabled": False, "type": "VARIANT_FLAG_TYPE", "name": "", "description": ""} | payload
