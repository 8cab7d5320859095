"""The SDK that the programs of the corpus have installed: flags from the environment, which tests may set."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_set: dict[str, Any] = {}


def value_of(key: str, default: Any = False) -> Any:
    return {**json.loads(os.environ.get("FLAGS", "{}")), **_set}.get(key, default)


@dataclass
class Boolean:
    enabled: bool
    reason: str = "DEFAULT"


@dataclass
class Details:
    value: Any
    reason: str = "DEFAULT"


@dataclass
class Which:
    variant_key: str


class Client:
    """What SDKs call a client."""

    def is_enabled(self, key: str, context: Any = None) -> bool:
        return value_of(key) is True

    def get_boolean_value(self, flag_key: str, default_value: bool, context: Any = None) -> bool:
        return bool(value_of(flag_key, default_value))

    async def get_boolean_value_async(self, flag_key: str, default_value: bool, context: Any = None) -> bool:
        return bool(value_of(flag_key, default_value))

    def get_boolean_details(self, flag_key: str, default_value: bool, context: Any = None) -> Details:
        return Details(bool(value_of(flag_key, default_value)))

    def get_string_value(self, flag_key: str, default_value: str, context: Any = None) -> str:
        return str(value_of(flag_key, default_value))

    def evaluate_boolean(self, flag_key: str, entity_id: str = "", context: Any = None) -> Boolean:
        return Boolean(value_of(flag_key) is True)

    def evaluate_variant(self, flag_key: str, entity_id: str = "", context: Any = None) -> Which:
        return Which(str(value_of(flag_key, "")))

    def variation(self, key: str, context: Any, default: Any) -> Any:
        return value_of(key, default)

    def get_variant(self, key: str, context: Any = None) -> dict[str, Any]:
        return {"name": str(value_of(key, "")), "enabled": True}

    def is_off(self, key: str) -> bool:
        return value_of(key) is not True


client = Client()


def get_client() -> Client:
    return client


def is_enabled(key: str, context: Any = None) -> bool:
    return client.is_enabled(key, context)


def set(key: str, value: Any) -> None:  # noqa: A001 - as SDKs for tests call it
    _set[key] = value


def reset() -> None:
    _set.clear()


@contextlib.contextmanager
def override_flag(name: str, active: bool) -> Iterator[None]:
    before = dict(_set)
    _set[name] = active
    try:
        yield
    finally:
        _set.clear()
        _set.update(before)


def waffle_flag(flag_name: str) -> Any:
    def decorate(function: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs) if value_of(flag_name) is True else "404"

        return wrapped

    return decorate
